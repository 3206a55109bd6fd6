import { TEXT } from "./dictionary-1/text.js";

/** The id of the dictionary with which entries are compressed now. */
export const CURRENT_DICTIONARY = 1;

const published: ReadonlyMap<number, string> = new Map([[1, TEXT]]);
const made = new Map<number, Buffer>();

/**
 * Returns the dictionary with an id, or `undefined` if this version has none. A published dictionary is never changed or
 * removed, because the entries that were compressed with it cannot be read without it.
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
