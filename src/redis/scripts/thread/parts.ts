import { NotText, type Stored, textOf } from "../../sealing.js";
import { list, REPLACED, text } from "../../replies.js";

// Values are made of nodes and references. Each has a head that scripts read (fragments/thread.ts has the forms): a
// character, and the names of other nodes. Scripts leave the rest alone. It may be sealed or compressed.

const NAME = 22;

/** Returns the length of a content's head in characters. */
export function headLength(content: string): number {
  const kind = content[0];
  if (kind === "=" || kind === "#") return 1;
  // Names never contain the character that bytes become.
  if (kind === "*") return content.includes(REPLACED) ? content.indexOf(REPLACED) : content.length;
  if (kind !== "+") return 0;
  const colon = content.indexOf(":");
  return colon < 0 ? 1 : colon + 1 + Number(content.slice(1, colon)) * NAME;
}

/** Returns a content that may be sealed or compressed behind its head. */
export function part(reply: unknown): Stored {
  if (Buffer.isBuffer(reply)) return textOf(reply) ?? reply;
  const content = text(reply);
  if (content[headLength(content)] === REPLACED) throw new NotText();
  return content;
}

/** Returns the names and contents of nodes, in turn. */
export function nodeList(reply: unknown): Stored[] {
  return list(reply).map((item, index) => (index % 2 === 0 ? text(item) : part(item)));
}
