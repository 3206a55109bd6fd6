import path from "node:path";
import { Site as Project } from "../../how-to/support/site.js";
import { unpackPackage } from "../../support/pack-package.js";

/** A project of a user's, made anew, beside the packages that are installed here. */
export class Site extends Project {
  constructor(name: string) {
    super(path.join(import.meta.dirname, "../.site", name));
    unpackPackage(path.join(import.meta.dirname, "../node_modules"));
  }
}
