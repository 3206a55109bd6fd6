import { mkdirSync } from "node:fs";
import path from "node:path";
import { unpackPackage } from "../../support/pack-package.js";

/** Puts what npm would publish beside the packages of these tests, once for all test files. */
export function setup(): void {
  const packages = path.join(import.meta.dirname, "../node_modules");
  mkdirSync(packages, { recursive: true });
  unpackPackage(packages);
}
