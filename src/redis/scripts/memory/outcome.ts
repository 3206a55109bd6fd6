import { count, list, outcome, text } from "../../replies.js";

// What the scripts of agent memory reply.

/** Limits of a namespace. */
const quotas = ["writesPerDay", "storageBytes", "valueBytes", "keys"] as const;

/** Why nothing was read or written: of the session, of the operation id, of the value that is there. */
const refusals = [
  "unknown",
  "ended",
  "evicted",
  "expired",
  "rotated",
  "mismatch",
  "conflict",
  "not-integer",
  "not-array",
  "unsafe",
  "corrupt",
] as const;

export type MemoryRefusal =
  | { readonly kind: "refused"; readonly outcome: (typeof refusals)[number] }
  | { readonly kind: "version"; readonly version: number }
  | {
      readonly kind: "quota";
      readonly quota: (typeof quotas)[number];
      readonly usage: number;
      readonly limit: number;
      /** Until it is reset; 0: it is not. */
      readonly milliseconds: number;
    };

export type WriteOutcome =
  | { readonly kind: "done"; readonly result: string }
  /** Expired values were removed, and nothing else was done: ask again. */
  | { readonly kind: "more" }
  | MemoryRefusal;

export type ReadOutcome<Value> = { readonly kind: "done"; readonly value: Value } | MemoryRefusal;

export function writeOutcome(reply: unknown): WriteOutcome {
  const [first, result] = list(reply);
  if (first === "done" || first === "repeated") return { kind: "done", result: text(result) };
  return first === "more" ? { kind: "more" } : memoryRefusal(reply);
}

export function readOutcome<Value>(reply: unknown, parse: (...values: unknown[]) => Value): ReadOutcome<Value> {
  const [first, ...values] = list(reply);
  return first === "done" ? { kind: "done", value: parse(...values) } : memoryRefusal(reply);
}

function memoryRefusal(reply: unknown): MemoryRefusal {
  const [first, ...details] = list(reply);
  if (first === "version") return { kind: "version", version: count(details[0]) };
  if (first !== "quota") return { kind: "refused", outcome: outcome(first, refusals) };
  const [quota, usage, limit, milliseconds] = details;
  return {
    kind: "quota",
    quota: outcome(quota, quotas),
    usage: count(usage),
    limit: count(limit),
    milliseconds: count(milliseconds),
  };
}
