import type { TestProject } from "vitest/node";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

declare module "vitest" {
  interface ProvidedContext {
    /** What npm would publish. It is absent in a run that does not pack it for all files. */
    tarball: string | undefined;
  }
}

const root = path.join(import.meta.dirname, "../..");

/** Packs the package once, for all files of a run that install it. */
export function setup(project: TestProject): () => void {
  const folder = mkdtempSync(path.join(tmpdir(), "packed-"));
  project.provide("tarball", packPackage(folder));
  return () => rmSync(folder, { recursive: true, force: true });
}

/** Builds the package. Returns the file in the folder that npm would publish. */
export function packPackage(folder: string): string {
  const packed = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
  });
  return path.join(folder, packed.trim().split("\n").at(-1) ?? "");
}

/** Puts what npm would publish into a folder of packages. Packs it for that if the run has not packed it already. */
export function unpackPackage(packages: string, shared?: string): void {
  const own = path.join(packages, "langchain-redis-sessions");
  rmSync(own, { recursive: true, force: true });
  mkdirSync(own);
  const tarball = shared ?? packPackage(own);
  execFileSync("tar", ["-xzf", tarball, "-C", own, "--strip-components=1"]);
  if (shared === undefined) rmSync(tarball);
}
