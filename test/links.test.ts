// No link of the documentation leads nowhere.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.join(import.meta.dirname, "..");
const pages = ["README.md", "CHANGELOG.md", "docs", "examples", "examples/chat-server"].flatMap((place) =>
  place.endsWith(".md")
    ? place
    : readdirSync(path.join(root, place))
        .filter((file) => file.endsWith(".md"))
        .map((file) => path.join(place, file)),
);

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

test("the pages have links and headings at all", () => {
  expect(pages).toContain("docs/web.md");
  expect(anchorsIn(path.join(root, "docs/web.md"))).toContain("what-is-refused-and-how");
});
