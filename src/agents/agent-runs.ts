import type { BaseMessage } from "@langchain/core/messages";
import { hasCheckpointer, type NodeRuntime, runSignalOf } from "../frameworks/langgraph.js";
import { Turn } from "../turns/turn.js";
import { InvalidOptionError, SessionMismatchError } from "../errors.js";
import { LiveRun } from "./live-run.js";
import { type MiddlewareSettings, parseContext, type SessionContext } from "./options.js";
import { withIds } from "./message-ids.js";
import { firstOpening, laterOpening, type Opening, seemsToLack, withoutEnded } from "./opening.js";
import { resumptionOf } from "./resumption.js";
import type { Session } from "../sessions/schema.js";
import { belongsTo, precedes, recordOf, type RunRecord } from "./run-record.js";
import { reachesBack, settledAtBeginning } from "./settled-messages.js";
import { SignOfLife } from "./sign-of-life.js";
import { wholeConversation } from "./whole-conversation.js";

/** What a hook of a middleware is given beside the state. */
export interface RunRuntime extends NodeRuntime {
  readonly context?: Partial<SessionContext> | undefined;
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
    const signal = runSignalOf(runtime);
    const life = this.#lifeOf(signal);
    const history = sessions.history(session);
    const watch = sessions.watch(session);
    let turn: Turn | undefined;
    try {
      turn = await Turn.begin(history, settings, {
        operationId,
        said: state.messages,
        signal,
        sign: life.sign,
      });
      const begun = turn;
      const { past, seen } = begun;
      const stored = withIds(past);
      const { messages, fresh } = await openingOf(state, stored, {
        precedes: (earlier) => precedes(earlier, session, seen),
        everything: () => this.#everything(session),
        canBeStored: (some) => begun.canStore(some),
      });
      const record = recordOf(session, begun, { stored, messages, fresh });
      const settled = settledAtBeginning(stored, messages, fresh);
      return { run: this.#enter(runtime, { turn, watch, life, record, settled }), messages };
    } catch (error) {
      turn?.abandon();
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
    const signal = runSignalOf(runtime);
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
    const owner = { ...session, conversationId: record.conversationId };
    const history = sessions.history(owner);
    const life = this.#lifeOf(signal);
    const watch = sessions.watch(session);
    let turn: Turn | undefined;
    try {
      const { turn: operationId, seen, lease } = record;
      turn = await Turn.resume(history, settings, { operationId, seen, lease, signal, sign: life.sign });
      const shown = withIds(turn.past);
      const stored = reachesBack(record, shown) ? shown : await this.#everything(owner);
      const { record: left, settled } = resumptionOf(record, messages, stored);
      return this.#enter(runtime, { turn, watch, life, record: { ...left, lease: turn.lease }, settled });
    } catch (error) {
      turn?.abandon();
      watch.release();
      throw error;
    }
  }

  /** Returns what the conversation holds, also what the window hides. */
  async #everything(session: Session): Promise<readonly BaseMessage[]> {
    return withIds(await wholeConversation(this.#settings.sessions, session));
  }

  #lifeOf(signal: AbortSignal | undefined): SignOfLife {
    return new SignOfLife(signal, (listenedTo) => this.#live.get(listenedTo)?.size ?? 0);
  }

  #enter(runtime: RunRuntime, parts: Omit<ConstructorParameters<typeof LiveRun>[0], "tellError">): LiveRun {
    const run = new LiveRun({ ...parts, tellError: this.#settings.turn.tellError });
    const signal = runSignalOf(runtime);
    if (signal === undefined) return run;
    const { turn } = run.record;
    const runs = this.#live.get(signal) ?? new Map<string, LiveRun>();
    runs.set(turn, run);
    this.#live.set(signal, runs);
    const abort = (): void => void run.interrupt();
    // A silent run with a checkpointer may wait for a person. What it has so far is in the checkpoint.
    const looking = hasCheckpointer(runtime) ? undefined : lookAfter(run, parts.life);
    // What is over must not stay in memory for as long as a signal that the caller passed.
    run.whenOver = removal(signal, { abort, runs, turn, looking });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
    return run;
  }
}

/** What `openingOf` has to know of the turn. */
interface Beginning {
  readonly precedes: (earlier: RunRecord) => boolean;
  readonly everything: () => Promise<readonly BaseMessage[]>;
  readonly canBeStored: (messages: readonly BaseMessage[]) => boolean;
}

/** Returns what the agent begins with: in a thread of the conversation, in a thread of another one, or without one. */
async function openingOf(
  { messages: state, _session: earlier }: RunState,
  stored: readonly BaseMessage[],
  turn: Beginning,
): Promise<Opening> {
  if (earlier === undefined) return firstOpening(state, stored);
  if (!turn.precedes(earlier)) return firstOpening(withoutEnded(state, earlier), stored);
  const later = { state, stored, earlier };
  return laterOpening(later, seemsToLack(later) ? await turn.everything() : stored, turn.canBeStored);
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

/**
 * A run can end without its hooks being told: by another middleware that throws, or jumps to the end before the model is
 * called, or at the recursion limit. It was interrupted, then.
 */
function lookAfter(run: LiveRun, life: SignOfLife): NodeJS.Timeout {
  return setInterval(() => {
    if (life.isGone()) void run.interrupt();
  }, LOOK_MILLISECONDS).unref();
}
