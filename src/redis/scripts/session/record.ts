import { storedList } from "../../replies.js";
import type { Stored } from "../../sealing.js";

// The replies and keys that scripts about one session share.

export const sessionKeys = {
  record: "hash: the session",
  index: "sorted set: the owner's sessions, by start",
} as const;

/** Parses the fields of a live session: names and values, in turn. */
export const live = (record: unknown): { record: readonly Stored[] } => ({ record: storedList(record) });
