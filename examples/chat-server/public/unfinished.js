// The end of a text that is still arriving, without flicker. Emphasis, code and links that are open are closed with
// remend; a marker of which nobody can tell yet what it becomes waits; a row that begins like a table is one.
import { lex } from "./markdown-lexer.js";

/** In characters; longer blocks are shown as they stand. */
const LONGEST = 20_000;
const MARKER_LINE = /(?:^|\n)[ \t>]*(?:[-*+_=>`~]+|\d{1,3}[.)]?|#{1,6}|\|)[ \t]*$/;
const MARKER = /(?:[*_~`]+|!?\[|\\|<(?:b(?:r ?\/?)?)?)$/;
/** Of a link, before its address: the brackets are shown only if none follows. */
const LINK_TEXT = /(?<!^[ \t]*(?:[-*+]|\d+[.)])[ \t]+)\[([^[\]\n]*)\]$/m;
const DELIMITER_ROW = /^[ \t]*[|:][-|: \t]*$/;
const OPTIONS = {
  linkMode: "text-only",
  katex: false,
  htmlTags: false,
  comparisonOperators: false,
  singleTilde: false,
  setextHeadings: false,
};

/** Until it is loaded, nothing is closed. */
let remend;

export async function loadMending() {
  try {
    ({ default: remend } = await import("remend"));
  } catch {
    // Without it, what is open is shown as it is written.
  }
}

/** The tokens of a source as they are shown while more is to come; the last of them in place of what it is so far. */
export function withEndMended(tokens, source) {
  const last = tokens.findLast(({ type, raw }) => type !== "space" || raw.includes("\n"));
  if (last === undefined || last.type === "space" || last.type === "html" || last.raw.length > LONGEST) return tokens;
  const leaf = lastLeaf(last);
  if (leaf.type === "code") {
    // It may be the beginning of the fence that closes it.
    leaf.text = leaf.text.replace(/(?:^|\n) {0,3}(?:`+|~+)$/, "");
    return tokens;
  }
  const mended = mend({ type: last.type, raw: source.endsWith("\n") ? last.raw : last.raw.trimEnd() });
  return mended === last.raw ? tokens : [...tokens.slice(0, tokens.indexOf(last)), ...lex(mended, tokens.links)];
}

function lastLeaf(token) {
  const inside =
    (token.type === "list" ? token.items : ["list_item", "blockquote"].includes(token.type) && token.tokens) || [];
  return inside.length === 0 ? token : lastLeaf(inside.at(-1));
}

function mend({ type, raw }) {
  const settled = raw.replace(MARKER_LINE, "");
  const table = type === "paragraph" ? withDelimiterRow(raw) : undefined;
  if (table !== undefined) return table;
  if (raw.endsWith("\n")) return settled;
  return closed(settled.replace(MARKER, "").replace(LINK_TEXT, "$1"));
}

/** What is inside of something that was closed can be open, too. */
function closed(text) {
  if (remend === undefined) return text;
  const once = remend(text, OPTIONS);
  return once === text ? text : remend(once, OPTIONS);
}

/** Of a table only the row with the names is there, or that and the beginning of the row below it. */
function withDelimiterRow(raw) {
  const lines = raw.trimEnd().split("\n");
  if (lines.length > 1 && DELIMITER_ROW.test(lines.at(-1))) lines.pop();
  const head = lines.at(-1).trim();
  if (!head.startsWith("|") || head === "|") return undefined;
  const cells = head.slice(1).split(/(?<!\\)\|/);
  if (cells.length > 1 && cells.at(-1).trim() === "") cells.pop();
  return [...lines.slice(0, -1), head, `|${"---|".repeat(cells.length)}`].join("\n");
}
