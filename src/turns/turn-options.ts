import * as z from "../options/schema.js";
import { type Duration, durationSchema } from "../options/duration.js";
import type { TurnNotStoredError } from "../errors.js";
import { once } from "../options/once.js";

/** Options of everything that runs turns, such as a runnable or an agent. */
export interface TurnOptions {
  /**
   * Decides what is kept of an interrupted turn: after an abort, a timeout, a `break` out of a stream, or an error of the
   * model.
   * - `"keep"` stores the user's message and the answer so far, marked `response_metadata.interrupted`. Each open tool call
   *   gets an error as its result, so that a provider accepts the next turn.
   * - `"discard"` stores nothing, and removes the parts that `persist: "step"` has stored of the turn.
   *
   * A graph that waits for a person is not interrupted. A turn that replaces messages stores nothing, and leaves the old
   * messages as they are, unless it was stopped (`AnswerStoppedError`) and this option is `"keep"`.
   * @default "keep"
   */
  onInterrupt?: "keep" | "discard" | undefined;
  /**
   * Called when an interrupted turn could not be stored. The caller of the turn no longer waits for it by then.
   * @default emits a process warning, without content
   */
  onError?: ((error: TurnNotStoredError) => void) | undefined;
  /**
   * Decides what happens to a turn while another one of the same conversation runs.
   * - `"allow"` runs both, and stores each whole.
   * - `"reject"` throws a `ConversationBusyError` at once.
   * - `"wait"` runs turns one after another, in the order in which they came, across processes.
   * - `"interrupt"`, with sessions only, stops the running turn in any process, and then runs. The option `onInterrupt` of the
   *   stopped turn decides what is kept of it, and its caller gets an `AnswerStoppedError`. Of several turns that interrupt,
   *   the last one runs.
   * @default "allow"
   */
  concurrency?: "allow" | "reject" | "wait" | "interrupt" | undefined;
  /**
   * The time for which a turn holds its conversation without a sign of life, unless `concurrency` is `"allow"`. At most a
   * day. After a crash, the next turn runs when this time is over. The lease is renewed while the turn runs. It lapses if a
   * tool of the turn is silent for ten minutes, or if the process is suspended. Such a turn can still be stored, unless
   * another turn took the conversation.
   * @default "30s"
   */
  lease?: Duration | undefined;
  /**
   * The longest time that a turn waits for earlier turns, with `"wait"` and `"interrupt"`. Then it throws a
   * `ConversationBusyError`. At most a day.
   * @default "60s"
   */
  waitFor?: Duration | undefined;
}

/** The options of turns, checked, with every default filled in and every duration in milliseconds. */
export interface TurnSettings {
  readonly onInterrupt: "keep" | "discard";
  /** Passes the error that a turn threw as it was stored to `onError`. Never throws. */
  readonly tellError: (error: unknown) => void;
  readonly concurrency: "allow" | "reject" | "wait" | "interrupt";
  readonly leaseMilliseconds: number;
  readonly waitForMilliseconds: number;
}

/** The longest lease and wait. Timers renew leases, and a timer of more than 24 days overflows. */
const MAX_DURATION = "1d";

type OnError = (error: TurnNotStoredError) => void;
type Named<Names extends string> = z.ZodDefault<z.ZodType<Names, unknown>>;

/** The schemas of these options, to be spread into the schema of an object that has more of them. */
export const turnShape: () => {
  readonly onInterrupt: Named<TurnSettings["onInterrupt"]>;
  readonly onError: z.ZodDefault<z.ZodType<OnError>>;
  readonly concurrency: Named<TurnSettings["concurrency"]>;
  readonly lease: z.ZodPrefault<z.ZodType<number, Duration>>;
  readonly waitFor: z.ZodPrefault<z.ZodType<number, Duration>>;
} = once(() => ({
  onInterrupt: z._default(z.enum(["keep", "discard"], 'use "keep" or "discard"'), "keep"),
  onError: z._default(
    z.custom<OnError>((value) => typeof value === "function", "use a function"),
    () => warn,
  ),
  concurrency: z._default(
    z.enum(["allow", "reject", "wait", "interrupt"], 'use "allow", "reject", "wait" or "interrupt"'),
    "allow",
  ),
  lease: z.prefault(durationSchema(MAX_DURATION), "30s"),
  waitFor: z.prefault(durationSchema(MAX_DURATION), "60s"),
}));

/** Returns the settings of options that {@link turnShape} has checked. */
export function turnSettings(parsed: z.output<z.ZodObject<ReturnType<typeof turnShape>>>): TurnSettings {
  return {
    onInterrupt: parsed.onInterrupt,
    tellError: (error) => tell(parsed.onError, error as TurnNotStoredError),
    concurrency: parsed.concurrency,
    leaseMilliseconds: parsed.lease,
    waitForMilliseconds: parsed.waitFor,
  };
}

/** Calls `onError`. No caller could catch an error of `onError`, so a warning takes its place. */
function tell(onError: OnError, error: TurnNotStoredError): void {
  try {
    onError(error);
  } catch {
    warn(error);
  }
}

function warn(error: TurnNotStoredError): void {
  process.emitWarning(`An interrupted turn could not be stored: ${(error.cause as Error).message}`, {
    type: "TurnNotStoredWarning",
    code: error.code,
  });
}
