import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const root = path.join(import.meta.dirname, "../..");
/** What a program is written in. */
const languages = new Set(["ts", "tsx", "js", "mjs", "cjs", "jsx", "typescript", "javascript", "diff"]);

/** The pages of the documentation, as paths from the repository's root. */
export const pages: readonly string[] = [
  ...readdirSync(root).filter((file) => file.endsWith(".md")),
  ...["docs", "examples"].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".md"))
      .map((file) => path.posix.join(folder, file.replaceAll(path.sep, "/"))),
  ),
].toSorted();

export function textOf(page: string): string {
  return readFileSync(path.join(root, page), "utf8");
}

/** A fenced block of a page. */
export interface Block {
  readonly language: string;
  /** The file that the paragraph before the block names at its end, as in "Save this as `chat.mjs`:". */
  readonly file: string | undefined;
  /** The headings of the sections that the block is in, outermost first. */
  readonly sections: readonly string[];
  readonly text: string;
}

export function blocksOf(page: string): readonly Block[] {
  const blocks: Block[] = [];
  let sections: string[] = [];
  const found = textOf(page).matchAll(/^```(\w*)[^\n]*\n(.*?)^```$|^(#+) ([^\n]*)$|`([^`\n]+)`:$/gms);
  let file: string | undefined;
  for (const [, language = "", text, hashes, heading = "", named] of found) {
    if (hashes !== undefined) sections = [...sections.slice(0, hashes.length - 1), heading];
    else if (text !== undefined) blocks.push({ language, file, sections, text });
    file = named;
  }
  return blocks;
}

/** The programs of a page. Of a comparison, what it recommends: without the lines that it takes out. */
export function programsOf(page: string): readonly Block[] {
  return blocksOf(page)
    .filter(({ language }) => languages.has(language))
    .map(({ language, file, sections, text }) => ({
      language,
      file,
      sections,
      text: language === "diff" ? afterwards(text) : text,
    }));
}

function afterwards(diff: string): string {
  return diff.replaceAll(/^-.*\n/gm, "").replaceAll(/^[ +]/gm, "");
}
