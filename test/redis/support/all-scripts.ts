import { readdirSync } from "node:fs";
import path from "node:path";
import type { AnyScript } from "../../../src/redis/script/define.js";

const folder = path.join(import.meta.dirname, "../../../src/redis/scripts");

function isScript(value: unknown): value is AnyScript {
  return typeof value === "object" && value !== null && "lua" in value && "sha1" in value;
}

/** Every script that a file of src/redis/scripts exports: a new one cannot be left out of the lint or of the ACL. */
export const scripts: readonly AnyScript[] = (
  await Promise.all(
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .toSorted()
      .map((file) => import(path.join(folder, file)) as Promise<Readonly<Record<string, unknown>>>),
  )
).flatMap((module) => Object.values(module).filter(isScript));
