// docs/errors.md lists every error of the library, with its code, its status and a remedy.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { problem, type ProblemCode } from "../src/http/problem.js";
import { textOf } from "./support/documentation.js";

const source = path.join(import.meta.dirname, "../src");
const rows = textOf("docs/errors.md")
  .split("\n")
  .filter((line) => /^\| `\w+Error`/.test(line))
  .map((line) => {
    const [name = "", code = "", stored = "", status = "", remedy = ""] = line
      .slice(1)
      .split("|")
      .map((cell) => cell.trim());
    return { name: /`(\w+)`/.exec(name)?.[1], code: code.replaceAll("`", ""), stored, status, remedy };
  });

/** Every class of an error, wherever it is declared. */
const declared = readdirSync(source, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .flatMap((file) =>
    Array.from(
      readFileSync(path.join(source, file), "utf8").matchAll(
        /^export class (\w+) extends LangChainRedisError \{.*?\n {2}override readonly code = "(\w+)";/gms,
      ),
    ),
  )
  .map(([, name, code]) => ({ name, code }));

test("the page lists each error of the library once, by its class and code", () => {
  const byName = (one: { name?: string | undefined }, other: { name?: string | undefined }) =>
    (one.name ?? "").localeCompare(other.name ?? "");
  expect(declared.length).toBeGreaterThan(20);
  expect(rows.map(({ name, code }) => ({ name, code })).toSorted(byName)).toEqual(declared.toSorted(byName));
});

test("each error has a remedy, and says what became of the write", () => {
  for (const { name, stored, remedy } of rows) {
    expect(stored, name).not.toBe("");
    expect(remedy, name).toMatch(/\w+ \w+.*\.$/);
  }
});

test("each status is the one of its response, and an error without one is a fault of the program", () => {
  for (const { code, status } of rows) expect(status, code).toBe(statusOf(code));
});

function statusOf(code: string): string {
  try {
    return String(problem(code as ProblemCode).status);
  } catch {
    return ""; // It has no such code.
  }
}
