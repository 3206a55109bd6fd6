import type { TestProject } from "vitest/node";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
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
