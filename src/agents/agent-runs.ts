import type { BaseMessage } from "@langchain/core/messages";
import { InvalidOptionError, SessionMismatchError } from "../errors.js";
import { hasCheckpointer, type NodeRuntime, runSignalOf, waitsForPerson } from "../frameworks/langgraph.js";
import { Turn } from "../turns/turn.js";
import { LiveRun } from "./live-run.js";
import { LiveRuns } from "./live-runs.js";
import type { Answer } from "../answers/answer.js";
import { questionIn, saysSame } from "../turns/given-answer.js";
import { idsOf, withIds } from "./message-ids.js";
import { firstOpening, laterOpening, type Opening, saidAnew, seemsToLack, withoutEnded } from "./opening.js";
import { type MiddlewareSettings, parseContext, type SessionContext } from "./options.js";
import { resumptionOf } from "./resumption.js";
import { belongsTo, precedes, recordOf, type RunRecord } from "./run-record.js";
import { reachesBack, settledAtBeginning } from "./settled-messages.js";
import { SignOfLife } from "./sign-of-life.js";

/** The runtime that a hook of a middleware receives beside the state. */
export interface RunRuntime extends NodeRuntime {
  readonly context?: Partial<SessionContext> | undefined;
}

/** The part of the agent's state that the middleware reads. */
export interface RunState {
  readonly messages: readonly BaseMessage[];
  readonly _session?: RunRecord | undefined;
}

/** Begins the runs of one agent as turns, and finds the run that a hook belongs to. */
export class AgentRuns {
  readonly #settings: MiddlewareSettings;
  readonly #live = new LiveRuns();

  constructor(settings: MiddlewareSettings) {
    this.#settings = settings;
  }

  /** Begins a turn. Returns its run, and the messages with which the agent begins. */
  async begin(state: RunState, runtime: RunRuntime): Promise<{ run: LiveRun; messages: readonly BaseMessage[] }> {
    const { session, operationId, replaces, answer } = parseContext(runtime.context);
    const { sessions, turn: settings } = this.#settings;
    const signal = runSignalOf(runtime);
    const life = this.#lifeOf(signal);
    const history = sessions.history(session);
    const watch = sessions.watch(session);
    let turn: Turn | undefined;
    try {
      const given = answer === undefined ? state : withQuestion(state, answer);
      const call = { operationId, replaces, answer, said: given.messages, signal, sign: life.sign };
      turn = await Turn.begin(history, settings, call);
      const begun = turn;
      const { past, seen } = begun;
      const stored = withIds(past);
      const isAnew = begun.beginsAnew || state._session?.turn === begun.operationId || replacedNothing(state);
      const opening = await openingOf(isAnew ? withSaidOnly(given, begun) : given, stored, {
        follows: (earlier) => precedes(earlier, session, seen),
        everything: async () => withIds(await begun.everything()),
        canBeStored: (some) => begun.canStore(some),
      });
      const asked = begun.isAsked ? (answer?.begun.question ?? []) : [];
      const askedIds = idsOf(asked);
      const { messages } = opening;
      const fresh = opening.fresh.filter(({ id = "" }) => !askedIds.has(id));
      const record = recordOf(session, begun, { stored, messages, fresh, asked });
      const settled = settledAtBeginning(stored, messages, fresh);
      return { run: this.#enter(runtime, { turn, watch, life, record, settled }), messages };
    } catch (error) {
      turn?.abandon();
      watch.release();
      throw error;
    }
  }

  /**
   * Returns the run that a hook belongs to. Resumes the run if it was paused, or began in another process.
   *
   * @throws InvalidOptionError if the run began without the middleware.
   * @throws SessionMismatchError if the session belongs to another user.
   */
  async of(state: RunState, runtime: RunRuntime): Promise<LiveRun> {
    const { _session: record, messages } = state;
    if (record === undefined) {
      throw new InvalidOptionError(
        "state",
        "the run began without sessionMiddleware, so its session is unknown. Start a new run.",
      );
    }
    return this.#live.find(runSignalOf(runtime), record.turn) ?? this.#resume({ record, messages }, runtime);
  }

  async #resume(
    { record, messages }: { record: RunRecord; messages: readonly BaseMessage[] },
    runtime: RunRuntime,
  ): Promise<LiveRun> {
    const { session, answer } = parseContext(runtime.context);
    if (!belongsTo(record, session)) throw new SessionMismatchError();
    if (answer !== undefined && answer.operationId !== record.turn) {
      throw new InvalidOptionError(
        "context.answer",
        "the waiting run has another operation id. Begin the answer with the operation id of that run.",
      );
    }
    const { sessions, turn: settings } = this.#settings;
    // The turn is stored in the conversation in which it began.
    const owner = { ...session, conversationId: record.conversationId };
    const signal = runSignalOf(runtime);
    const life = this.#lifeOf(signal);
    const watch = sessions.watch(session);
    let turn: Turn | undefined;
    try {
      const run = { ...record, operationId: record.turn };
      turn = await Turn.resume(sessions.history(owner), settings, { signal, sign: life.sign, answer }, run);
      const shown = withIds(turn.past);
      const stored = reachesBack(record, shown) ? shown : withIds(await turn.everything());
      const { record: left, settled } = resumptionOf(record, messages, stored);
      // The stored parts of this run were removed, so it stores all of its messages again.
      if (left.stored < record.stored) turn.beginAgain();
      const { attempt, lease } = turn;
      return this.#enter(runtime, { turn, watch, life, record: { ...left, attempt, lease }, settled });
    } catch (error) {
      turn?.abandon();
      watch.release();
      throw error;
    }
  }

  #lifeOf(signal: AbortSignal | undefined): SignOfLife {
    return new SignOfLife(signal, (runSignal) => this.#live.countOf(runSignal));
  }

  #enter(runtime: RunRuntime, parts: Omit<ConstructorParameters<typeof LiveRun>[0], "tellError" | "waits">): LiveRun {
    const { tellError } = this.#settings.turn;
    const run = new LiveRun({ ...parts, tellError, waits: () => waitsForPerson(runtime) });
    const signal = runSignalOf(runtime);
    if (signal) this.#live.enter(run, signal, hasCheckpointer(runtime) ? undefined : parts.life);
    return run;
  }
}

/**
 * Returns true for the thread of a turn that had to replace messages and broke off. The conversation then has the old
 * messages, and none of that turn.
 */
function replacedNothing({ _session: earlier }: RunState): boolean {
  return earlier?.fence !== undefined;
}

/** Returns the state with the question of the answer in place of the messages that the caller passed, if any. */
function withQuestion(state: RunState, answer: Answer): RunState {
  const { question } = answer.begun;
  const { messages } = state;
  const before = messages.slice(0, messages.length - question.length);
  const isPassed = saysSame(messages.slice(before.length), question);
  // In a thread without an earlier turn, the state has exactly the messages that the caller passed.
  const said = messages.filter(({ type }) => type === "human");
  if (!isPassed && state._session === undefined) questionIn(answer, said, "messages");
  return { ...state, messages: [...(isPassed ? before : messages), ...question] };
}

/** Returns the state without the thread's earlier messages, for a turn that begins anew from the conversation. */
function withSaidOnly(state: RunState, { replaced }: Turn): RunState {
  const { messages, _session: earlier } = state;
  return { messages: earlier === undefined ? messages : saidAnew(messages, earlier, replaced?.id) };
}

/** The questions of `openingOf` about the turn that begins. */
interface Beginning {
  /** Returns true if the earlier turn belongs to the same conversation. */
  readonly follows: (earlier: RunRecord) => boolean;
  readonly everything: () => Promise<readonly BaseMessage[]>;
  readonly canBeStored: (messages: readonly BaseMessage[]) => boolean;
}

/** Returns the messages with which the agent begins, for a new thread, a thread of this conversation, or one of another. */
async function openingOf(
  { messages: state, _session: earlier }: RunState,
  stored: readonly BaseMessage[],
  { follows, everything, canBeStored }: Beginning,
): Promise<Opening> {
  if (earlier === undefined) return firstOpening(state, stored);
  if (!follows(earlier)) return firstOpening(withoutEnded(state, earlier), stored);
  const later = { state, stored, earlier };
  return laterOpening(later, seemsToLack(later) ? await everything() : stored, canBeStored);
}
