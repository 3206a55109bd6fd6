import { list, outcome, textList } from "../../replies.js";

// What a script replies that is about one session: its fields when it is live, or else why not.

const outcomes = [
  "live",
  "unknown",
  "mismatch",
  "authenticate",
  "conflict",
  "superseded",
  "no-conversation",
  "ended",
  "evicted",
  "expired",
  "rotated",
] as const;

export interface SessionOutcome {
  readonly outcome: (typeof outcomes)[number];
  /** Name, value, name, value …; empty unless the session is live. */
  readonly record: readonly string[];
}

export function sessionOutcome(reply: unknown): SessionOutcome {
  const [first, record] = list(reply);
  const found = outcome(first, outcomes);
  return { outcome: found, record: found === "live" ? textList(record) : [] };
}
