// Tokens of Markdown to elements. HTML in it is text, like everything else that somebody wrote.
import { element } from "./dom.js";
import { withoutEntities } from "./entities.js";

const PROTOCOLS = new Set(["http:", "https:", "mailto:"]);
/** They change the order in which what follows is shown: code would read otherwise than it runs. */
const BIDI_CONTROLS = /[\u202a-\u202e\u2066-\u2069]/g;

/** Which token is shown at all. */
export function isShown({ type }) {
  return type !== "space" && type !== "def";
}

/**
 * The outline of an answer begins below the page's own heading and leaves out no level, whatever levels the answer uses.
 * `above`: the depths, as written, of the headings that the last one stands under; this one is added.
 */
export function outlineLevel(depth, above) {
  while (above.length > 0 && above.at(-1) >= depth) above.pop();
  above.push(depth);
  return levelBelow(above.length - 1);
}

/** Of a heading with so many above it in the answer. */
export function levelBelow(headings) {
  return Math.min(headings + 2, 6);
}

/** `level`: of a heading in the outline of the page. `isComplete`: nothing will be added to the token. */
export function blockElement(token, { level, isComplete }) {
  const block = blockOf(token, { level, isComplete });
  if (!token.type.startsWith("code")) block.setAttribute("dir", "auto");
  return block;
}

function blockOf(token, context) {
  switch (token.type) {
    case "heading":
      return element(`h${context.level}`, { data: { depth: token.depth } }, ...inline(token.tokens));
    case "paragraph":
      return element("p", {}, ...inline(token.tokens));
    case "blockquote":
      return element("blockquote", {}, ...blocks(token.tokens, context));
    case "list":
      return list(token, context);
    case "table":
      return table(token);
    case "code":
      return codeBlock(token, context);
    case "hr":
      return element("hr");
    case "html":
      return element("p", { class: "as-written" }, token.raw.trimEnd());
    default:
      return element("p", {}, ...inline([token]));
  }
}

/** What stands in a quote or in an item of a list. Headings there have no others under them. */
function blocks(tokens, context) {
  return tokens
    .filter(isShown)
    .map((token, index, { length }) =>
      blockOf(token, { ...context, isComplete: context.isComplete || index < length - 1 }),
    );
}

function list({ ordered, start, items }, context) {
  const entries = items.map((item, index) =>
    element(
      "li",
      { class: item.task ? "task" : null },
      ...itemContent(item, { ...context, isComplete: context.isComplete || index < items.length - 1 }),
    ),
  );
  return ordered ? element("ol", { start: start === 1 ? null : start }, ...entries) : element("ul", {}, ...entries);
}

/** In a list without blank lines between its items their texts are no paragraphs. */
function itemContent({ tokens }, context) {
  return tokens.filter(isShown).flatMap((token, index, { length }) => {
    if (token.type === "text" || token.type === "checkbox") return inline([token]);
    return [blockOf(token, { ...context, isComplete: context.isComplete || index < length - 1 })];
  });
}

function table({ header, rows }) {
  return element(
    "div",
    { class: "table", role: "group", "aria-label": "Table", tabindex: "0" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, ...cells("th", header))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells("td", row)))),
    ),
  );
}

function cells(name, row) {
  return row.map(({ tokens, align }) =>
    element(name, { scope: name === "th" ? "col" : null, data: align ? { align } : {} }, ...inline(tokens)),
  );
}

/** `data-highlight` on the code: a language, once the block is complete. The button works through the view. */
function codeBlock({ text, lang, raw, codeBlockStyle }, { isComplete }) {
  const language = /^[^\s{,:]{1,30}/.exec(lang ?? "")?.[0] ?? "";
  const isClosed = codeBlockStyle !== "indented" && (isComplete || hasClosingFence(raw));
  return element(
    "div",
    { class: "code" },
    element(
      "div",
      { class: "code-bar" },
      element("span", { class: "language" }, language),
      element("button", { type: "button", class: "button quiet-button copy", "aria-label": "Copy the code" }, "Copy"),
    ),
    element(
      "pre",
      { tabindex: "0", dir: "ltr" },
      element("code", { data: isClosed && language ? { highlight: language } : {} }, withControlsVisible(text)),
    ),
  );
}

function hasClosingFence(raw) {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(raw)?.[1];
  const last = raw.trimEnd().split("\n").slice(1).at(-1)?.trim() ?? "";
  return fence !== undefined && last.length >= fence.length && last === fence[0].repeat(last.length);
}

function withControlsVisible(code) {
  return code.replaceAll(BIDI_CONTROLS, (control) => `<U+${control.codePointAt(0).toString(16).toUpperCase()}>`);
}

function inline(tokens, isInLink = false) {
  return tokens.flatMap((token) => inlineOf(token, isInLink));
}

function inlineOf(token, isInLink) {
  switch (token.type) {
    case "text":
      return token.tokens ? inline(token.tokens, isInLink) : [withoutEntities(token.text)];
    case "plain":
      return [element("span", { class: "as-written" }, token.raw)];
    case "escape":
      return [token.text];
    case "strong":
    case "em":
    case "del":
      return [element(token.type, {}, ...inline(token.tokens, isInLink))];
    case "codespan":
      return [element("code", {}, withControlsVisible(token.text))];
    case "br":
      return [element("br")];
    case "link":
      return link(token, isInLink);
    case "image":
      return image(token, isInLink);
    case "checkbox":
      return [
        element(
          "span",
          { class: "box-of-task", role: "img", "aria-label": token.checked ? "Done:" : "To do:" },
          token.checked ? "☑" : "☐",
        ),
        " ",
      ];
    case "html":
      // Models break lines in the cells of a table with it, for which Markdown has nothing.
      return [/^<br ?\/?>$/i.test(token.raw) ? element("br") : token.raw];
    default:
      return [token.raw];
  }
}

function link({ href, tokens, raw }, isInLink) {
  const address = addressOf(href);
  if (address === undefined) return [raw];
  return isInLink ? inline(tokens, true) : [linkTo(address, ...inline(tokens, true))];
}

/** Never loaded: whose server is asked for a picture learns who reads the message, and when. */
function image({ href, text }, isInLink) {
  const address = addressOf(href);
  const label = withoutEntities(text) || "Image";
  return [isInLink || address === undefined ? label : linkTo(address, label)];
}

function linkTo(address, ...children) {
  const attributes = { href: address, title: address, target: "_blank", rel: "noopener noreferrer nofollow" };
  return element("a", attributes, ...children);
}

/** As the browser understands it, so that what is checked is what is followed. */
function addressOf(href) {
  const written = withoutEntities(href);
  if (!URL.canParse(written)) return undefined;
  const url = new URL(written);
  return PROTOCOLS.has(url.protocol) ? url.href : undefined;
}
