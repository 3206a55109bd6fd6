// CONTRIBUTING.md names every folder of src, and only commands that there are.
import { readdirSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { textOf } from "../support/documentation.js";
import { sectionOf } from "./support/page.js";

const page = textOf("CONTRIBUTING.md");

test("the table of the layout has each folder of src once", () => {
  const rows = sectionOf(page, "How the code is laid out").matchAll(/^\|[^|]*\| `([\w-]+)` \|/gm);
  const folders = readdirSync(path.join(import.meta.dirname, "../../src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect([...rows].map(([, name = ""]) => name).toSorted()).toEqual(folders.toSorted());
});

test("each npm script that the page names is one of package.json, and each script for work on the project is on the page", () => {
  const { scripts } = JSON.parse(textOf("package.json")) as { scripts: Record<string, string> };
  const named = new Set([...page.matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name));
  expect([...named].filter((name) => scripts[name] === undefined)).toEqual([]);
  const ofWork = Object.keys(scripts).filter((name) =>
    /^(test:|lint|check:|build|bench|capacity|typecheck)/.test(name),
  );
  expect(ofWork.filter((name) => !named.has(name))).toEqual([]);
});
