import { textList } from "../../replies.js";

// Replies and keys that scripts about one session share.

export const sessionKeys = {
  record: "hash: the session",
  index: "sorted set: the owner's sessions, by start",
} as const;

/** Name, value, name, value … of a live session. */
export const live = (record: unknown): { record: readonly string[] } => ({ record: textList(record) });
