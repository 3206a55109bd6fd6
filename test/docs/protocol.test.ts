// docs/protocol.md has each mutation of the model, the property that it breaks, and the test of the code that goes with it.
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { textOf } from "../support/documentation.js";
import { sectionOf } from "./support/page.js";

const page = textOf("docs/protocol.md");
const tests = path.join(import.meta.dirname, "..");

/** Returns the cells of the rows of a table, without its head. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const lines = sectionOf(page, heading)
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  return lines.map((line) =>
    line
      .slice(1, -1)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}
const wordsOf = (cell = ""): readonly string[] => [...cell.matchAll(/`([\w-]+)`/g)].map(([, word = ""]) => word);

interface Row {
  readonly property: string;
  readonly mutation: string;
  readonly tested: string;
}
const rows: readonly Row[] = rowsOf("Without one of its protections").flatMap(
  ([properties, mutation = "", , tested = ""]) =>
    wordsOf(properties).map((property) => ({ property, mutation: wordsOf(mutation)[0] ?? "", tested })),
);

/** The mutations that are checked, from the cases of test/model. */
const checked = [
  ...readFileSync(path.join(tests, "model/cases.mjs"), "utf8").matchAll(/name: "(\w+)",\s+property: "(\w+)"/g),
].map(([, mutation, property]) => `${mutation} ${property}`);

test("the table has the mutations that are checked, and no others", () => {
  expect(rows.map(({ mutation, property }) => `${mutation} ${property}`).toSorted()).toEqual(checked.toSorted());
});

test("each property is explained, and has a mutation that breaks it", () => {
  const explained = rowsOf("Properties").flatMap(([property]) => wordsOf(property));
  expect(explained.toSorted()).toEqual([...new Set(rows.map(({ property }) => property))].toSorted());
});

/** Returns the strings of a file of tests, each as a pattern: `%s` stands for anything. */
function titlesOf(text: string): readonly RegExp[] {
  const strings = [...text.matchAll(/"((?:[^"\\\n]|\\.)+)"/g)].map(([, title = ""]) => title);
  return strings
    .filter((title) => title !== "%s")
    .map((title) => new RegExp(`^${title.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&").replaceAll("%s", ".+")}$`));
}

test.each(rows)("$mutation, $property: the test that the table names is there", ({ property, mutation, tested }) => {
  const [, file = "", name = ""] = /^`([\w-]+)`: (.+)$/.exec(tested) ?? [];
  const text = readFileSync(path.join(tests, "answers", `${file}.test.ts`), "utf8");
  if (file !== "mutations") return expect(titlesOf(text).some((title) => title.test(name))).toBe(true);
  expect(name).toBe(`${mutation}, ${property}`);
  return expect(text).toContain(`name: "${mutation}",\n    property: "${property}",`);
});
