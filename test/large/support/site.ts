import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { unpackPackage } from "../../support/installed-package.js";

/** A project of a user's, made anew, beside the packages that are installed here. */
export class Site {
  readonly folder: string;

  constructor(name: string) {
    this.folder = path.join(import.meta.dirname, "../.site", name);
    rmSync(this.folder, { recursive: true, force: true });
    unpackPackage(path.join(import.meta.dirname, "../node_modules"));
  }

  write(file: string, content: string): void {
    const place = path.join(this.folder, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, content);
  }
}
