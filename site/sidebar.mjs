// The sidebars: of the documentation as its contents (docs/README.md) name the pages, and of the reference.
import { readFileSync } from "node:fs";
import path from "node:path";
import { generated, pageFor, placeOf, root, titleOf, writtenPages } from "./pages.mjs";

const contents = "docs/README.md";
const shortTitles = { "README.md": "Overview", [contents]: "Contents" };

/**
 * Returns a group for each section of the contents, whose pages have the texts of their links there. The pages that the
 * contents do not name are in a last group.
 */
export function documentationSidebar() {
  const first = ["README.md", contents].filter((file) => writtenPages.includes(file));
  const groups = sectionsOfContents().map(({ text, links }) => ({
    text,
    items: links.map(({ file, text: linkText }) => item(file, file.startsWith("docs/") ? linkText : titleOf(file))),
  }));
  const named = new Set([...first, ...sectionsOfContents().flatMap(({ links }) => links.map(({ file }) => file))]);
  const rest = writtenPages.filter((file) => !named.has(file));
  return [
    { items: first.map((file) => item(file)) },
    ...groups,
    { text: "More", items: rest.map((file) => item(file)) },
    { items: [{ text: "API reference", link: "/reference/" }] },
  ].filter(({ items }) => items.length > 0);
}

/** Returns a group for each entry of the package, with everything that the entry exports. */
export function referenceSidebar() {
  const navigation = JSON.parse(readFileSync(path.join(generated, "reference.json"), "utf8"));
  return [
    { items: [{ text: "API reference", link: "/reference/" }] },
    ...navigation.map((entry) => ({
      text: entry.title === "root" ? "The package itself" : `/${entry.title}`,
      link: link(entry),
      collapsed: entry.title !== "root",
      items: entry.children.map(({ title, children }) => ({
        text: title,
        collapsed: true,
        items: children.map((page) => ({ text: page.title, link: link(page) })),
      })),
    })),
  ];
}

function sectionsOfContents() {
  if (!writtenPages.includes(contents)) return [];
  return readFileSync(path.join(root, contents), "utf8")
    .split(/^(?=## )/m)
    .slice(1)
    .map((section) => {
      // A link to a part of a page is not the page's own entry.
      const links = [...section.matchAll(/\[(?<text>[^\]]*)\]\((?<to>[^)#\s]+)\)/g)].map(({ groups }) => ({
        file: pageFor(path.posix.join("docs", groups.to)),
        text: groups.text,
      }));
      return { text: /^## (.+)$/m.exec(section)[1], links: links.filter(({ file }) => writtenPages.includes(file)) };
    });
}

function link({ path: place }) {
  return `/reference/${place}`;
}

function item(file, text = shortTitles[file] ?? titleOf(file)) {
  return { text: capitalised(text.replaceAll("`", "")), link: `/${placeOf(file)}` };
}

/** In the contents, a link may stand inside a sentence. */
function capitalised(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
