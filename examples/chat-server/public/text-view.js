// A text of the agent: plain until what shows Markdown is loaded, which the first paint of the page does not wait for.
import { element } from "./dom.js";

let MarkdownView;
let loading;

/** Never rejects: what cannot be shown as Markdown can be read as it was written. */
export function loadMarkdown() {
  loading ??= import("./markdown.js").then(
    (module) => ({ MarkdownView } = module),
    () => (loading = undefined),
  );
  return loading;
}

export class TextView {
  element = element("div", { class: "text" });
  #text = "";
  #arrives = true;
  #view;

  constructor() {
    if (MarkdownView === undefined) void loadMarkdown().then(() => this.#show());
  }

  /** `arrives`: more of it may come. */
  update(text, { arrives }) {
    if (text === this.#text && arrives === this.#arrives) return;
    this.#text = text;
    this.#arrives = arrives;
    this.#show();
  }

  #show() {
    if (MarkdownView === undefined) {
      this.element.textContent = this.#text;
      return;
    }
    if (this.#view === undefined) {
      this.#view = new MarkdownView();
      this.element.replaceChildren(this.#view.element);
    }
    const known = this.#view.text;
    if (this.#arrives && this.#text.startsWith(known)) this.#view.append(this.#text.slice(known.length));
    else this.#view.set(this.#text);
  }
}
