import type { BaseMessage } from "@langchain/core/messages";
import { Turn } from "../turns/turn.js";
import { InvalidOptionError, SessionMismatchError } from "../errors.js";
import { LiveRun } from "./live-run.js";
import { type MiddlewareSettings, parseContext, type SessionContext } from "./options.js";
import { idsOf, withIds } from "./message-ids.js";
import { belongsTo, openingOf, type RunRecord, withoutEnded, withoutKept } from "./run-record.js";
import { SignOfLife } from "./sign-of-life.js";

/** What a hook of a middleware is given beside the state. */
export interface RunRuntime {
  readonly context?: Partial<SessionContext> | undefined;
  readonly configurable?: Readonly<Record<string, unknown>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RunState {
  readonly messages: readonly BaseMessage[];
  readonly _session?: RunRecord | undefined;
}

/** How often a run that cannot pause is looked after. */
const LOOK_MILLISECONDS = 2_000;

/** The runs of one agent that are under way in this process. */
export class AgentRuns {
  readonly #settings: MiddlewareSettings;
  /** By the signal of the run, which nothing outlives but what waits for it; then by the turn. */
  readonly #live = new WeakMap<AbortSignal, Map<string, LiveRun>>();

  constructor(settings: MiddlewareSettings) {
    this.#settings = settings;
  }

  /** Begins a turn; `messages` are those that the agent begins with. */
  async begin(state: RunState, runtime: RunRuntime): Promise<{ run: LiveRun; messages: readonly BaseMessage[] }> {
    const { session, operationId } = parseContext(runtime.context);
    const { sessions, turn: settings } = this.#settings;
    const signal = signalOf(runtime);
    const life = this.#lifeOf(signal);
    const history = sessions.history(session);
    const watch = sessions.watch(session);
    try {
      const turn = await Turn.begin(history, settings, {
        operationId,
        said: state.messages,
        signal,
        sign: life.sign,
      });
      const stored = withIds(turn.past);
      const { _session: earlier } = state;
      const goesOn =
        earlier !== undefined &&
        belongsTo(earlier, session) &&
        earlier.conversationId === session.conversationId &&
        earlier.seen === turn.seen;
      const remembered = earlier === undefined || goesOn ? state.messages : withoutEnded(state.messages, earlier);
      const { messages, fresh } = openingOf(remembered, stored, goesOn ? earlier : undefined, (some) =>
        turn.canStore(some),
      );
      const known = new Set([...idsOf(stored), ...idsOf(messages)]);
      for (const id of idsOf(fresh)) known.delete(id);
      const record: RunRecord = {
        turn: turn.operationId,
        userId: session.userId,
        orgId: session.orgId,
        agentId: session.agentId,
        conversationId: session.conversationId,
        seen: turn.seen,
        known: [...known],
        sealed: goesOn ? earlier.sealed : [],
        pending: fresh,
        stored: 0,
        lease: turn.lease,
      };
      return { run: this.#enter(runtime, { turn, watch, life, record }), messages };
    } catch (error) {
      watch.release();
      throw error;
    }
  }

  /** The run that a hook belongs to; where it was paused, or began in another process, it is taken up. */
  async of(state: RunState, runtime: RunRuntime): Promise<LiveRun> {
    const { _session: record, messages } = state;
    if (record === undefined) {
      throw new InvalidOptionError("state", "this run did not begin at its beginning, so its session is unknown.");
    }
    const signal = signalOf(runtime);
    const live = signal && this.#live.get(signal)?.get(record.turn);
    return live ?? this.#resume({ record, messages }, runtime, signal);
  }

  async #resume(
    { record, messages }: { record: RunRecord; messages: readonly BaseMessage[] },
    runtime: RunRuntime,
    signal: AbortSignal | undefined,
  ): Promise<LiveRun> {
    const { session } = parseContext(runtime.context);
    if (!belongsTo(record, session)) throw new SessionMismatchError();
    const { sessions, turn: settings } = this.#settings;
    // A turn lands where it began.
    const history = sessions.history({ ...session, conversationId: record.conversationId });
    const life = this.#lifeOf(signal);
    const watch = sessions.watch(session);
    try {
      const { turn: operationId, seen, lease } = record;
      const turn = await Turn.resume(history, settings, { operationId, seen, lease, signal, sign: life.sign });
      const left = withoutKept(record, messages, withIds(turn.past));
      return this.#enter(runtime, { turn, watch, life, record: { ...left, lease: turn.lease } });
    } catch (error) {
      watch.release();
      throw error;
    }
  }

  #lifeOf(signal: AbortSignal | undefined): SignOfLife {
    return new SignOfLife(signal, (listenedTo) => this.#live.get(listenedTo)?.size ?? 0);
  }

  #enter(runtime: RunRuntime, parts: Omit<ConstructorParameters<typeof LiveRun>[0], "tellError">): LiveRun {
    const run = new LiveRun({ ...parts, tellError: this.#settings.turn.tellError });
    const signal = signalOf(runtime);
    if (signal === undefined) return run;
    const { turn } = run.record;
    const runs = this.#live.get(signal) ?? new Map<string, LiveRun>();
    runs.set(turn, run);
    this.#live.set(signal, runs);
    const abort = (): void => void run.interrupt();
    const looking = canPause(runtime) ? undefined : lookAfter(run, parts.life);
    // What is over must not stay in memory for as long as a signal that the caller passed.
    run.whenOver = removal(signal, { abort, runs, turn, looking });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return run;
  }
}

/** Holds the signal weakly: what looks after a run must not keep it from being gone. */
function removal(
  signal: AbortSignal,
  {
    abort,
    runs,
    turn,
    looking,
  }: {
    abort: () => void;
    runs: Map<string, LiveRun>;
    turn: string;
    looking: NodeJS.Timeout | undefined;
  },
): () => void {
  const reference = new WeakRef(signal);
  return () => {
    reference.deref()?.removeEventListener("abort", abort);
    runs.delete(turn);
    clearInterval(looking);
  };
}

/** With a checkpointer: a run that is silent may wait for a person. What it has so far is in the checkpoint. */
function canPause({ configurable }: RunRuntime): boolean {
  return Boolean(configurable?.["__pregel_checkpointer"]);
}

/**
 * A run can end without its hooks being told: by another middleware that throws, or jumps to the end before the model is
 * called, or at the recursion limit. It was interrupted, then.
 */
function lookAfter(run: LiveRun, life: SignOfLife): NodeJS.Timeout {
  return setInterval(() => {
    if (life.isGone()) void run.interrupt();
  }, LOOK_MILLISECONDS).unref();
}

/**
 * The signal of the whole run, one object for each: langgraph makes it, and a step's own signal of it. Where a later
 * version keeps it elsewhere, the step's signal takes its place, and each step takes the run up anew.
 */
function signalOf({ configurable, signal }: RunRuntime): AbortSignal | undefined {
  const signals = configurable?.["__pregel_abort_signals"];
  if (typeof signals !== "object" || signals === null || !("externalAbortSignal" in signals)) return signal;
  return signals.externalAbortSignal instanceof AbortSignal ? signals.externalAbortSignal : signal;
}
