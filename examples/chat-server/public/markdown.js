// Shows Markdown, also while it arrives. Blocks that did not change keep their elements, so nothing jumps, and what is
// selected or scrolled stays so. Only the last blocks are parsed anew: what is added to a text changes no block before.
// The exception is the definition of a link, `[name]: address`, which counts for what is above it, too: with each new
// one the whole text is parsed again.
import { copy } from "./clipboard.js";
import { element } from "./dom.js";
import { blockElement, isShown, levelBelow, outlineLevel } from "./markdown-elements.js";
import { definitions, lex } from "./markdown-lexer.js";
import { announce } from "./speaking.js";
import { loadMending, withEndMended } from "./unfinished.js";

/** Of the time, at most one part in so many goes into showing what arrives. */
const SHARE = 4;
const COPIED_FOR = 2_000;

export class MarkdownView {
  element = element("div", { class: "markdown", on: { click: (event) => onClick(event) } });
  #text = "";
  #arrives = false;
  /** In the order of the page: `{ raw, isComplete, node }` */
  #blocks = [];
  /** How much of it can no longer change: characters, blocks, link definitions, headings. */
  #settled = beginning();
  #links = "{}";
  #frame;
  #took = 0;
  #shownAt = 0;

  get text() {
    return this.#text;
  }

  /** More of it has arrived, and it is not all: what is not closed yet is shown as if it were. */
  append(text) {
    if (this.#text === "") void loadMending().then(() => this.#arrives && this.#showSoon());
    this.#text += text;
    this.#arrives = true;
    this.#showSoon();
  }

  /** The whole text. */
  set(text) {
    if (!text.startsWith(this.#text)) this.#startOver();
    this.#text = text;
    this.end();
  }

  /** Nothing is going to be added: what is not closed is shown as it was written. */
  end() {
    this.#arrives = false;
    // All of it once more, so that it is what it will be when it is loaded again.
    this.#settled = beginning();
    this.#show();
  }

  #showSoon() {
    this.#frame ??= requestAnimationFrame(() => this.#showInTime());
  }

  /** A long block takes longer than a frame: then it is shown less often. */
  #showInTime() {
    this.#frame = undefined;
    if (performance.now() - this.#shownAt >= this.#took * (SHARE - 1)) this.#show();
    else this.#showSoon();
  }

  #startOver() {
    this.#settled = beginning();
    for (const { node } of this.#blocks.splice(0)) node.remove();
  }

  #show() {
    cancelAnimationFrame(this.#frame);
    this.#frame = undefined;
    const began = performance.now();
    const source = this.#text.replaceAll(/\r\n?/g, "\n");
    let tokens = lex(source.slice(this.#settled.length), this.#settled.links);
    const links = JSON.stringify(tokens.links);
    const linksChanged = links !== this.#links;
    this.#links = links;
    if (linksChanged && this.#settled.length > 0) {
      this.#settled = beginning();
      tokens = lex(source, {});
    }
    const rest = source.length - this.#settled.length;
    this.#reflect(this.#arrives ? withEndMended(tokens, source) : tokens, linksChanged);
    this.#settle(tokens, rest);
    this.#shownAt = performance.now();
    this.#took = this.#shownAt - began;
  }

  #reflect(tokens, linksChanged) {
    const above = [...this.#settled.above];
    let at = this.#settled.blocks;
    const shown = tokens.filter(isShown);
    for (const [index, token] of shown.entries()) {
      const isLast = index === shown.length - 1;
      const level = token.type === "heading" ? outlineLevel(token.depth, above) : levelBelow(above.length);
      const block = this.#blocks[at];
      const mayLink = linksChanged && token.type !== "code" && token.raw.includes("[");
      const isComplete = !isLast || !this.#arrives;
      if (isLast || mayLink || block?.raw !== token.raw || block.isComplete !== isComplete) {
        const fresh = blockElement(token, { level, isComplete });
        if (block === undefined) this.element.append(fresh);
        const node = block === undefined ? fresh : patched(block.node, fresh);
        this.#blocks[at] = { raw: token.raw, isComplete, node };
      }
      at += 1;
    }
    for (const { node } of this.#blocks.splice(at)) node.remove();
    void highlightCode(this.element);
  }

  /** All but the last two blocks: the last may grow, and with it, it may be taken into the one before. */
  #settle(tokens, length) {
    const written = tokens.filter(({ type }) => type !== "space");
    const firstOpen = tokens.indexOf(written.at(-2));
    if (firstOpen <= 0 || tokens.reduce((sum, { raw }) => sum + raw.length, 0) !== length) return;
    const done = tokens.slice(0, firstOpen);
    const settled = this.#settled;
    definitions(done, settled.links);
    for (const token of done) {
      settled.length += token.raw.length;
      if (isShown(token)) settled.blocks += 1;
      if (token.type === "heading") outlineLevel(token.depth, settled.above);
    }
  }
}

function beginning() {
  return { length: 0, blocks: 0, links: {}, above: [] };
}

/** Makes an element what a fresh one is, and changes no part of it that is the same. Returns the one that is shown. */
function patched(old, fresh) {
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    // A selection in what is there stays.
    if (fresh.data.startsWith(old.data)) old.appendData(fresh.data.slice(old.data.length));
    else old.data = fresh.data;
    return old;
  }
  if (isSameCode(old, fresh) || old.matches(".copy")) return old;
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const children = [...fresh.childNodes];
  for (const [index, child] of children.entries()) {
    if (index < old.childNodes.length) patched(old.childNodes[index], child);
    else old.append(child);
  }
  while (old.childNodes.length > children.length) old.lastChild.remove();
  return old;
}

/** Code that has its colours keeps them. */
function isSameCode(old, fresh) {
  return (
    old.dataset.highlighted !== undefined &&
    old.dataset.highlighted === fresh.dataset.highlight &&
    old.textContent === fresh.textContent
  );
}

async function highlightCode(within) {
  const found = within.querySelectorAll("code[data-highlight]");
  if (found.length === 0) return;
  try {
    const { highlight } = await import("./code.js");
    for (const code of found) await highlight(code);
  } catch {
    // Without colours it reads well, too.
  }
}

async function onClick({ target }) {
  const button = target.closest(".copy");
  if (button === null) return;
  const copied = await copy(button.closest(".code").querySelector("code").textContent);
  announce(copied ? "Copied." : "It could not be copied; select it instead.");
  button.textContent = copied ? "Copied" : "Not copied";
  setTimeout(() => (button.textContent = "Copy"), COPIED_FOR);
}
