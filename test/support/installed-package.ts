import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { inject } from "vitest";
import { packPackage } from "./pack-package.js";

const root = path.join(import.meta.dirname, "../..");

/** Puts what npm would publish into a folder of packages. */
export function unpackPackage(packages: string): void {
  const own = path.join(packages, "langchain-redis-sessions");
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  const shared = inject("tarball");
  const tarball = shared ?? packPackage(own);
  execFileSync("tar", ["-xzf", tarball, "-C", own, "--strip-components=1"]);
  if (shared === undefined) rmSync(tarball);
}

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
  unpackPackage(packages);
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
