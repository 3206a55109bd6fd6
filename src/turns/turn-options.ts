import { z } from "zod";
import { type Duration, durationSchema } from "../options/duration.js";
import type { TurnNotStoredError } from "../errors.js";

/** Options of whatever runs turns: a runnable, an agent. */
export interface TurnOptions {
  /**
   * What happens to a turn that does not come to its end (an abort, a timeout, a `break` out of a stream, an error of
   * the model): `"keep"` stores the user's message and what was answered so far, marked
   * `response_metadata.interrupted`, and answers each open tool call with an error, so that a provider accepts the
   * next turn; `"discard"` stores nothing.
   * @default "keep"
   */
  onInterrupt?: "keep" | "discard" | undefined;
  /**
   * Told when an interrupted turn could not be stored, which nobody waits for any more.
   * @default a process warning, without content
   */
  onError?: ((error: TurnNotStoredError) => void) | undefined;
  /**
   * What happens to a turn while another one of the same conversation runs: `"allow"` runs it, and each is stored
   * whole; `"reject"` throws a `ConversationBusyError` at once; `"wait"` runs them one after another, in the order in which
   * they came, across processes.
   * @default "allow"
   */
  concurrency?: "allow" | "reject" | "wait" | undefined;
  /**
   * How long a turn holds its conversation without a sign of life, with `"reject"` and `"wait"`: so long after a crash
   * the next turn runs. At most a day. Renewed while the turn runs. A turn whose lease lapsed, since its tool was silent
   * for ten minutes or its process stood still, can be stored unless another turn took the conversation.
   * @default "30s"
   */
  lease?: Duration | undefined;
  /**
   * How long a turn waits for those before it, with `"wait"`; then a `ConversationBusyError`. At most a day.
   * @default "60s"
   */
  waitFor?: Duration | undefined;
}

export interface TurnSettings {
  readonly onInterrupt: "keep" | "discard";
  /** Calls `onError`, with what a turn threw as it was stored. */
  readonly tellError: (error: unknown) => void;
  readonly concurrency: "allow" | "reject" | "wait";
  readonly leaseMilliseconds: number;
  readonly waitForMilliseconds: number;
}

/** Nobody waits for longer, and timers, by which a lease is renewed, overflow after 24 days. */
const MAX_DURATION = "1d";

type OnError = (error: TurnNotStoredError) => void;
type Named<Names extends string> = z.ZodDefault<z.ZodEnum<{ [Name in Names]: Name }>>;

/** For the schemas of those who have these options among theirs. */
export const turnShape: {
  readonly onInterrupt: Named<TurnSettings["onInterrupt"]>;
  readonly onError: z.ZodDefault<z.ZodCustom<OnError>>;
  readonly concurrency: Named<TurnSettings["concurrency"]>;
  readonly lease: z.ZodPrefault<z.ZodType<number, Duration>>;
  readonly waitFor: z.ZodPrefault<z.ZodType<number, Duration>>;
} = {
  onInterrupt: z.enum(["keep", "discard"], 'use "keep" or "discard"').default("keep"),
  onError: z.custom<OnError>((value) => typeof value === "function", "use a function").default(() => warn),
  concurrency: z.enum(["allow", "reject", "wait"], 'use "allow", "reject" or "wait"').default("allow"),
  lease: durationSchema(MAX_DURATION).prefault("30s"),
  waitFor: durationSchema(MAX_DURATION).prefault("60s"),
};

export function turnSettings(parsed: z.output<z.ZodObject<typeof turnShape>>): TurnSettings {
  return {
    onInterrupt: parsed.onInterrupt,
    tellError: (error) => tell(parsed.onError, error as TurnNotStoredError),
    concurrency: parsed.concurrency,
    leaseMilliseconds: parsed.lease,
    waitForMilliseconds: parsed.waitFor,
  };
}

/** Nobody would catch what `onError` throws. */
function tell(onError: OnError, error: TurnNotStoredError): void {
  try {
    onError(error);
  } catch {
    warn(error);
  }
}

function warn(error: TurnNotStoredError): void {
  process.emitWarning(`What an interrupted turn had so far was not stored: ${(error.cause as Error).message}`, {
    type: "TurnNotStoredWarning",
    code: error.code,
  });
}
