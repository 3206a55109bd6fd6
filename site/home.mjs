// The home page, made of parts of the README, so that nothing is written twice.
import { slugOf } from "./links.mjs";

/**
 * Returns the home page in Markdown. Its links are those of the README, so it belongs beside it.
 *
 * @throws Error when the README lacks a part that the page needs.
 */
export function homePage(readme) {
  const [intro, ...sections] = readme.split(/^(?=## )/m);
  const withText = (text) => {
    const section = sections.find((one) => one.includes(text));
    if (section === undefined) throw new Error(`The README has no section with ${text}, which the home page shows.`);
    return section;
  };
  const [name, firstParagraph] = intro.replace(/^# /, "").split(/\n\n/);
  const why = sections.find((section) => section.startsWith("## Why\n"));

  const frontmatter = {
    layout: "home",
    title: "Home",
    titleTemplate: false,
    hero: {
      name,
      tagline: sentence(firstParagraph),
      actions: [
        { theme: "brand", text: "Read the overview", link: "/overview" },
        { theme: "alt", text: "API reference", link: "/reference/" },
      ],
    },
    features:
      why === undefined
        ? []
        : [...why.matchAll(/^- (?<item>.*(?:\n  .*)*)/gm)].map(({ groups }) => feature(groups.item)),
  };
  const parts = [
    withText("npm run quickstart"),
    withText("```ts\n"),
    picture(withText("(docs/which-to-use.svg)"), "docs/which-to-use.svg"),
    picture(withText("(docs/benchmark.svg)"), "docs/benchmark.svg"),
  ];
  return `---\n${JSON.stringify(frontmatter, undefined, 2)}\n---\n\n${parts.join("\n")}`;
}

/** The first sentence, without Markdown. */
function sentence(paragraph) {
  return /^.*?[.:](?=\s|$)/.exec(plain(paragraph))[0].replace(/:$/, ".");
}

/** `**Title.** Details ([link](docs/page.md)).` */
function feature(item) {
  const { title, details } = /^\*\*(?<title>.*?)\.?\*\*\s*(?<details>.*)$/s.exec(item)?.groups ?? {
    title: "",
    details: item,
  };
  const link = /\]\(docs\/(?<page>[\w/-]+)\.md(?<anchor>#[\w-]+)?\)/.exec(details)?.groups;
  return {
    title,
    details: plain(details.replaceAll(/\s*\(\[[^\]]*\]\([^)]*\)\)/g, "")),
    ...(link && { link: `/${link.page}${link.anchor ?? ""}`, linkText: "Read more" }),
  };
}

function plain(markdown) {
  return markdown
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replaceAll(/[*`]/g, "")
    .replaceAll(/\s+/g, " ");
}

/** The heading and the picture of a section, and a link to the rest. */
function picture(section, file) {
  const [, heading] = /^## (.+)$/m.exec(section);
  const alternative = new RegExp(`\\[(?<text>[^\\]]*)\\]\\(${file}\\)`).exec(section).groups.text;
  return `## ${heading}\n\n![${alternative}](${file})\n\n[Read on in the overview](README.md#${slugOf(heading)}).\n`;
}
