import { readFileSync } from "node:fs";
import path from "node:path";

const page = readFileSync(path.join(import.meta.dirname, "../../docs/redis.md"), "utf8");
const section = /^## Redis ACL$.*?(?=^## )/ms.exec(page)?.[0] ?? "";
const [, block = ""] = /^```text\n(.*?)^```$/ms.exec(section) ?? [];
const words = block.split(/[\s\\]+/).filter((word) => word !== "");

/** What docs/redis.md grants: the words behind `ACL SETUSER <name>`, without the password. */
export const grants: readonly string[] = words.slice(3).filter((word) => !word.startsWith(">"));

/** What it adds for an operator: the words behind `ACL SETUSER operator`. */
export const operatorGrants: readonly string[] = (/^ACL SETUSER operator (.*)$/m.exec(section)?.[1] ?? "").split(" ");

/** The commands among what it grants. */
export const grantedCommands: readonly string[] = grants
  .filter((word) => word.startsWith("+"))
  .map((word) => word.slice(1));

/** What it says is to be added for one purpose, by the words that name it: "a Cluster", "`wait`". */
export function additionFor(purpose: string): readonly string[] {
  const line = section.split("\n").find((text) => text.startsWith(`| ${purpose}`)) ?? "";
  return [...line.matchAll(/`(\+[^`]+)`/g)].flatMap(([, added = ""]) => added.replaceAll("\\|", "|").split(" "));
}
