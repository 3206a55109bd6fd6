import { storedList } from "../../replies.js";
import type { Stored } from "../../sealing.js";

// Replies and keys that scripts about one session share.

export const sessionKeys = {
  record: "hash: the session",
  index: "sorted set: the owner's sessions, by start",
} as const;

/** Name, value, name, value … of a live session. */
export const live = (record: unknown): { record: readonly Stored[] } => ({ record: storedList(record) });
