// Colours for code, with highlight.js. Loaded with the first block of code in a language that it knows.
import hljs from "@highlightjs/cdn-assets/es/core.min.js";
import { element } from "./dom.js";

/** By the names that people use. The first is that of the grammar; its own aliases are not known before it is loaded. */
const grammars = [
  {
    names: ["bash", "sh", "zsh", "shell", "console"],
    load: () => import("@highlightjs/cdn-assets/es/languages/bash.min.js"),
  },
  { names: ["c", "h"], load: () => import("@highlightjs/cdn-assets/es/languages/c.min.js") },
  { names: ["cpp", "c++", "cc", "hpp"], load: () => import("@highlightjs/cdn-assets/es/languages/cpp.min.js") },
  { names: ["csharp", "cs", "c#"], load: () => import("@highlightjs/cdn-assets/es/languages/csharp.min.js") },
  { names: ["css"], load: () => import("@highlightjs/cdn-assets/es/languages/css.min.js") },
  { names: ["diff", "patch"], load: () => import("@highlightjs/cdn-assets/es/languages/diff.min.js") },
  { names: ["dockerfile", "docker"], load: () => import("@highlightjs/cdn-assets/es/languages/dockerfile.min.js") },
  { names: ["go", "golang"], load: () => import("@highlightjs/cdn-assets/es/languages/go.min.js") },
  { names: ["java"], load: () => import("@highlightjs/cdn-assets/es/languages/java.min.js") },
  {
    names: ["javascript", "js", "jsx", "mjs", "cjs"],
    load: () => import("@highlightjs/cdn-assets/es/languages/javascript.min.js"),
  },
  { names: ["json", "jsonc", "json5"], load: () => import("@highlightjs/cdn-assets/es/languages/json.min.js") },
  { names: ["kotlin", "kt"], load: () => import("@highlightjs/cdn-assets/es/languages/kotlin.min.js") },
  { names: ["php"], load: () => import("@highlightjs/cdn-assets/es/languages/php.min.js") },
  { names: ["python", "py"], load: () => import("@highlightjs/cdn-assets/es/languages/python.min.js") },
  { names: ["ruby", "rb"], load: () => import("@highlightjs/cdn-assets/es/languages/ruby.min.js") },
  { names: ["rust", "rs"], load: () => import("@highlightjs/cdn-assets/es/languages/rust.min.js") },
  {
    names: ["sql", "postgresql", "sqlite", "mysql"],
    load: () => import("@highlightjs/cdn-assets/es/languages/sql.min.js"),
  },
  { names: ["swift"], load: () => import("@highlightjs/cdn-assets/es/languages/swift.min.js") },
  { names: ["typescript", "ts", "tsx"], load: () => import("@highlightjs/cdn-assets/es/languages/typescript.min.js") },
  { names: ["xml", "html", "svg"], load: () => import("@highlightjs/cdn-assets/es/languages/xml.min.js") },
  { names: ["yaml", "yml"], load: () => import("@highlightjs/cdn-assets/es/languages/yaml.min.js") },
];
/** In characters; more would hold the page up. */
const LONGEST = 50_000;

/**
 * What highlight.js reports goes into elements at once. By default it makes HTML of it; an emitter in its place is how
 * others, lowlight for one, get at what it found.
 */
class ElementEmitter {
  root = document.createDocumentFragment();
  #open = [this.root];

  addText(text) {
    if (text !== "") this.#open.at(-1).append(text);
  }

  openNode(scope) {
    const span = element("span", { class: `hl-${scope.split(/[.:]/, 1)[0]}` });
    this.#open.at(-1).append(span);
    this.#open.push(span);
  }

  closeNode() {
    this.#open.pop();
  }

  startScope(scope) {
    this.openNode(scope);
  }

  endScope() {
    this.closeNode();
  }

  __addSublanguage({ root }) {
    this.#open.at(-1).append(root);
  }

  finalize() {}

  toHTML() {
    return "";
  }
}

hljs.configure({ __emitter: ElementEmitter });

/** A `code` element with its language in `data-highlight`, which then is in `data-highlighted`. */
export async function highlight(code) {
  const language = code.dataset.highlight;
  const found = grammars.find(({ names }) => names.includes(language?.toLowerCase()));
  if (found === undefined || code.textContent.length > LONGEST) return;
  const [grammar] = found.names;
  if (!hljs.getLanguage(grammar)) hljs.registerLanguage(grammar, (await found.load()).default);
  // It may have changed meanwhile.
  if (code.dataset.highlight !== language) return;
  const text = code.textContent;
  const {
    _emitter: { root },
    errorRaised,
  } = hljs.highlight(text, { language: grammar, ignoreIllegals: true });
  delete code.dataset.highlight;
  code.dataset.highlighted = language;
  if (!errorRaised && root.textContent === text) code.replaceChildren(root);
}
