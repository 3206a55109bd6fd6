// Dictionary 1, for LangChain's messages and LangGraph's values as JSON.
//
// It is published: entries in Redis were made with it, and cannot be read without it. So nothing in this folder ever
// changes, not even a space. A better dictionary gets another number and a folder of its own.
import { ENTRIES } from "./json.js";
import { ENGLISH_WORDS } from "./words.js";

/** zlib reads all of it for each text. More than this makes texts hardly smaller. */
const LENGTH = 16_384;

/** What is most useful comes last, because near matches cost less. A line break is spelled \n, as in a JSON string. */
export const TEXT: string = (
  ENTRIES.trim().replaceAll("\n", "") + `${ENGLISH_WORDS.trim().replaceAll("\n", " ")} `
).slice(-LENGTH);
