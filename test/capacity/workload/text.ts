import { seededRandom } from "../../bench/measure/random.js";

const CORPUS_BYTES = 1 << 20;
// One byte a character, so that a length in characters is one in bytes. Other scripts take two to four.
const corpus = writeCorpus();

/** A text of that many bytes, hardly ever the same twice. */
export function textOf(bytes: number, random: () => number): string {
  let text = "";
  while (text.length < bytes) {
    const from = Math.floor(random() * CORPUS_BYTES);
    text += corpus.slice(from, from + bytes - text.length);
  }
  return text;
}

/**
 * Made-up words, few of which are frequent (Zipf), as in a language: for settings that compress. A word repeated over and
 * over would compress far better than any text.
 */
function writeCorpus(): string {
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
  return parts.join(" ").slice(0, CORPUS_BYTES);
}
