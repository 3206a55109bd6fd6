import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { inject } from "vitest";
import { unpackPackage } from "./pack-package.js";

const root = path.join(import.meta.dirname, "../..");

/**
 * A folder in which a user has installed what npm would publish, beside the packages that this checkout uses, or most.
 *
 * @param options with `oldest`, LangChain's packages are the oldest that package.json allows.
 */
export function installPackage({
  without = [],
  oldest = false,
}: { without?: readonly string[]; oldest?: boolean } = {}): {
  folder: string;
  remove: () => void;
} {
  const folder = mkdtempSync(path.join(tmpdir(), "installed-"));
  const packages = path.join(folder, "node_modules");
  mkdirSync(packages);
  unpackPackage(packages, inject("tarball"));
  const linked = new Set(without);
  for (const from of oldest ? ["test/oldest/node_modules", "node_modules"] : ["node_modules"]) {
    for (const name of readdirSync(path.join(root, from))) {
      if (linked.has(name)) continue;
      linked.add(name);
      symlinkSync(path.join(root, from, name), path.join(packages, name));
    }
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
