// What is in the package: the pages that the README leads to, and nothing heavy.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.join(import.meta.dirname, "..");

// Without the build: what npm would take of the rest. test/packed.test.ts runs what is built.
const command = ["pack", "--dry-run", "--json", "--ignore-scripts"];
const [packed] = JSON.parse(execFileSync("npm", command, { cwd: root, encoding: "utf8" })) as [
  { files: { path: string; size: number }[] },
];
const files = packed.files.filter((file) => !file.path.startsWith("dist/"));
const names = new Set(files.map((file) => file.path));

/** Returns the links of a page to files and folders, without programs in it. */
function linksOf(page: string): string[] {
  const prose = readFileSync(path.join(root, page), "utf8").replaceAll(/^```.*?^```$/gms, "");
  return [...prose.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)]
    .map(([, link = ""]) => link)
    .filter((link) => !/^https?:/.test(link))
    .map((link) => path.posix.join(path.posix.dirname(page), link));
}

const isPacked = (target: string): boolean =>
  names.has(target) || [...names].some((name) => name.startsWith(`${target.replace(/\/$/, "")}/`));

test("every link of the README leads to something in the package", () => {
  const links = linksOf("README.md");
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((link) => !isPacked(link))).toEqual([]);
});

test("every link of another page leads to something in the package, or to code that only the repository has", () => {
  const pages = [...names].filter((name) => name.endsWith(".md") && name !== "README.md");
  expect(pages).toContain("docs/troubleshooting.md");
  const dead = pages.flatMap((page) => linksOf(page).map((link) => ({ page, link })));
  expect(dead.filter(({ link }) => !isPacked(link) && !/^(?:src|test|examples)\//.test(link))).toEqual([]);
});

test("the package has pages and pictures, and no measurements, tests or examples", () => {
  const kinds = new Set(files.map((file) => path.extname(file.path)));
  expect([...kinds].toSorted()).toEqual(["", ".json", ".md", ".svg"]); // LICENSE, package.json
  expect([...names].filter((name) => name.endsWith(".json"))).toEqual(["package.json"]);
  expect(files.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(1_000_000);
});

test("nothing runs when the package is installed", () => {
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { scripts: object };
  const atInstall = new Set(["preinstall", "install", "postinstall", "prepare", "prepublish"]);
  expect(Object.keys(scripts).filter((name) => atInstall.has(name))).toEqual([]);
});
