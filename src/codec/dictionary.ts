import { TEXT } from "./dictionary-1/text.js";

/** The id of the dictionary with which entries are compressed now. */
export const CURRENT_DICTIONARY = 1;

const published: ReadonlyMap<number, string> = new Map([[1, TEXT]]);
const made = new Map<number, Buffer>();

/**
 * Returns the dictionary of an id, `undefined` where this version has none. A published dictionary never changes and never
 * goes: what was compressed with it cannot be read otherwise.
 */
export function dictionaryOf(id: number): Buffer | undefined {
  const known = made.get(id);
  if (known !== undefined) return known;
  const text = published.get(id);
  if (text === undefined) return undefined;
  const dictionary = Buffer.from(text);
  made.set(id, dictionary);
  return dictionary;
}
