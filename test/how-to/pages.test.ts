// What holds for every page of docs/how-to whose files are run here.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { Page } from "./support/page.js";

const folder = path.join(import.meta.dirname, "../../docs/how-to");
// test/readme.test.ts runs the programs of these.
const elsewhere = new Set(["migrate.md", "test-your-program.md"]);
const names = readdirSync(folder).filter((name) => name.endsWith(".md") && !elsewhere.has(name));
const pages = names.map((name) => ({ name, page: new Page(`how-to/${name}`) }));

test.each(pages)("$name says to install each package that its files import", ({ page }) => {
  const installed = new Set(page.installed.map((name) => name.replace(/(?<=.)@.*$/, "")));
  expect(page.imported.filter((name) => !installed.has(name))).toEqual([]);
});

test.each(pages)("a test file of its own runs what $name shows", ({ name }) => {
  const tests = [`${name.replace(".md", "")}.test.ts`, "../large/next.test.ts"];
  const [own = "", next = ""] = tests.map((file) => path.join(import.meta.dirname, file));
  expect(existsSync(name === "nextjs.md" ? next : own)).toBe(true);
});
