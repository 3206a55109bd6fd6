// Markdown to tokens. What a model or somebody in a conversation wrote may be made to hang or to overflow a parser, so
// its depth and the length of one run of text are bounded: what is beyond them is text.
import { Lexer, Tokenizer } from "marked";

/** Of quotes, lists and emphasis; a quote in a quote counts twice. */
const DEEPEST = 16;
/** In characters. Emphasis and links are searched for in one paragraph, one cell, one line of a list. */
const LONGEST_TEXT = 10_000;

class BoundedLexer extends Lexer {
  #depth = 0;

  get isAtTheBottom() {
    return this.#depth >= DEEPEST;
  }

  blockTokens(source, tokens = [], lastParagraphClipped = false) {
    if (this.isAtTheBottom) {
      this.state.top = true;
      return plain(source, tokens);
    }
    return this.deeper(() => super.blockTokens(source, tokens, lastParagraphClipped));
  }

  inlineTokens(source, tokens = []) {
    if (this.isAtTheBottom || source.length > LONGEST_TEXT) return plain(source, tokens);
    return this.deeper(() => super.inlineTokens(source, tokens));
  }

  deeper(work) {
    this.#depth += 1;
    try {
      return work();
    } finally {
      this.#depth -= 1;
    }
  }
}

/** A quote with lines that go on without a `>` is taken apart by calls of this alone, as deep as there are quotes in it. */
class BoundedTokenizer extends Tokenizer {
  blockquote(source) {
    if (!this.lexer.isAtTheBottom) return this.lexer.deeper(() => super.blockquote(source));
    const raw = this.rules.block.blockquote.exec(source)?.[0].replace(/\n+$/, "");
    return raw === undefined ? undefined : { type: "blockquote", raw, text: raw, tokens: plain(raw, []) };
  }
}

function plain(source, tokens) {
  if (source !== "") tokens.push({ type: "plain", raw: source });
  return tokens;
}

/** `links`: definitions of link references from further up. The result's `links` has them and its own. */
export function lex(source, links = {}) {
  // As it is in messages: a line that ends is a line that ends.
  const lexer = new BoundedLexer({ gfm: true, breaks: true, tokenizer: new BoundedTokenizer() });
  Object.assign(lexer.tokens.links, links);
  return lexer.lex(source);
}

/** The definitions in these tokens, those in quotes and lists, too. The first of a name counts. */
export function definitions(tokens, found) {
  for (const token of tokens) {
    if (token.type === "def" && !Object.hasOwn(found, token.tag)) {
      found[token.tag] = { href: token.href, title: token.title };
    }
    definitions(token.items ?? token.tokens ?? [], found);
  }
}
