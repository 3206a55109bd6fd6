// No link of the documentation leads nowhere.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { pages } from "./support/documentation.js";

const root = path.join(import.meta.dirname, "..");

/** Without its programs, in which a `#` is no heading. */
const proseOf = (page: string): string => readFileSync(page, "utf8").replaceAll(/^```.*?^```$/gms, "");

/** The anchors of its headings, as GitHub spells them. */
const anchorsIn = (page: string): string[] =>
  [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-"),
  );

test.each(pages)("every link in %s leads to a file, and to a heading in it", (page) => {
  const links = [...proseOf(path.join(root, page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  const dead = links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path.join(root, page) : path.join(root, path.dirname(page), file);
    return !existsSync(target) || (anchor !== undefined && !anchorsIn(target).includes(anchor));
  });
  expect(dead).toEqual([]);
});

test("every page of docs is in its contents", () => {
  const contents = readFileSync(path.join(root, "docs/README.md"), "utf8");
  const missing = pages
    .filter((page) => page.startsWith("docs/") && page !== "docs/README.md")
    .filter((page) => !contents.includes(`](${page.slice("docs/".length)}`));
  expect(missing).toEqual([]);
});

test("pages in every folder are looked at, and have headings", () => {
  expect(pages).toEqual(
    expect.arrayContaining([
      "README.md",
      "CONTRIBUTING.md",
      "docs/tutorials/agent.md",
      "examples/chat-server/README.md",
    ]),
  );
  expect(anchorsIn(path.join(root, "docs/turns.md"))).toContain("what-happens-to-a-turn");
});
