import { seededRandom } from "../../bench/measure/random.js";
import { englishProse } from "./english.js";

const CORPUS_BYTES = 1 << 20;

/** Writes a text of that many bytes, hardly ever the same twice. One byte a character: other scripts take two to four. */
export type WriteText = (bytes: number, random: () => number) => string;

/**
 * Made-up words, few of which are frequent (Zipf), as in a language: for settings that compress. A word repeated over and
 * over would compress far better than any text. Their letters are random, so they compress worse than any language.
 */
export const textOf: WriteText = slicesOf(() => {
  const random = seededRandom(1);
  const letters = "etaoinshrdlucmfwypvbgkjqxz";
  const letter = (): string => letters[Math.floor(letters.length * random() ** 1.7)] ?? "e";
  const words = Array.from({ length: 5_000 }, () =>
    Array.from({ length: 2 + Math.floor(random() * 9) }, letter).join(""),
  );
  const parts: string[] = [];
  for (let length = 0; length < CORPUS_BYTES + 1;) {
    const word = words[Math.floor(words.length ** random()) - 1] ?? "the";
    parts.push(word);
    length += word.length + 1;
  }
  return parts.join(" ");
});

/** What people wrote: where it counts how small a text becomes. Draws as many random numbers as `textOf`. */
export const englishOf: WriteText = slicesOf(() => {
  const prose = `${englishProse()} `;
  return prose.repeat(Math.ceil(CORPUS_BYTES / prose.length));
});

/** An id as providers make them, in which nothing can be compressed. */
export const idOf: WriteText = (bytes, random) => {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const own = seededRandom(Math.floor(random() * 2 ** 32));
  return Array.from({ length: bytes }, () => digits[Math.floor(own() * digits.length)]).join("");
};

function slicesOf(writeCorpus: () => string): WriteText {
  let corpus = "";
  return (bytes, random) => {
    if (corpus === "") corpus = writeCorpus().slice(0, CORPUS_BYTES);
    let text = "";
    while (text.length < bytes) {
      const from = Math.floor(random() * CORPUS_BYTES);
      text += corpus.slice(from, from + bytes - text.length);
    }
    return text;
  };
}
