import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "../../..");
/** Mostly numbers, and made by a run. */
const generated = new Set(["benchmark.md", "capacity.md", "reliability.md"]);

/**
 * The paragraphs and lists of this project's documentation, about 80 kB: English that the dictionary of src/codec was not
 * made from. Without code and tables, and without characters that take more than one byte in JSON.
 */
export function englishProse(): string {
  const docs = readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md") && !generated.has(name))
    .toSorted()
    .map((name) => `docs/${name}`);
  return ["README.md", ...docs].flatMap((file) => paragraphsOf(readFileSync(path.join(root, file), "utf8"))).join(" ");
}

function paragraphsOf(markdown: string): string[] {
  return markdown
    .replace(/^```[^]*?^```/gm, "")
    .split(/\n\s*\n/)
    .filter((paragraph) => !/^\s*[#|<>[!]|^ {4}/.test(paragraph))
    .map((paragraph) =>
      paragraph
        .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
        .replace(/["\\]/g, "'")
        .replace(/\s+/g, " ")
        .replace(/[^ -~]/g, "")
        .trim(),
    )
    .filter((paragraph) => paragraph.length >= 60);
}
