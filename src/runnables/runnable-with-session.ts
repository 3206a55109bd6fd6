import type { CallbackManagerForChainRun } from "@langchain/core/callbacks/manager";
import type { BaseMessage } from "@langchain/core/messages";
import {
  ensureConfig,
  mergeConfigs,
  patchConfig,
  raceWithSignal,
  Runnable,
  type RunnableConfig,
} from "@langchain/core/runnables";
import type { IterableReadableStream } from "@langchain/core/utils/stream";
import { adderOf } from "../frameworks/langchain-core.js";
import { answersOrRoutes, deleteThreadOf, isCommand, keepsThread, threadOf } from "../frameworks/langgraph.js";
import type { Answer } from "../answers/answer.js";
import { givenAnswer, questionIn } from "../turns/given-answer.js";
import { type AnyHistory, isHistory, Turn } from "../turns/turn.js";
import { InvalidOptionError } from "../errors.js";
import type { Session } from "../sessions/session.js";
import type { SessionWatch } from "../sessions/signals.js";
import { hasSaid, saidBehind, saidUnder, threadBefore, threadToResume, type TurnThread } from "./graph-thread.js";
import { inputMessages, inputOf } from "./messages.js";
import { type GraphLike, parseFields, type RunnableSettings, type RunnableWithSessionFields } from "./options.js";
import { RunningTurn } from "./running-turn.js";
import { readableTurn, streamedTurn } from "./streamed-turn.js";

/** The `configurable` that a call, or `withConfig()`, passes. */
interface Configurable {
  readonly sessionId?: unknown;
  readonly session?: unknown;
  readonly operationId?: unknown;
  readonly replaces?: unknown;
  readonly answer?: unknown;
}

interface GivenTurn<RunInput> {
  readonly input: RunInput;
  readonly given: readonly BaseMessage[];
  readonly config: RunnableConfig;
  readonly history: AnyHistory;
  readonly watch: SessionWatch | undefined;
  readonly stop: AbortController;
}

interface StreamedRun {
  readonly config: Partial<RunnableConfig> | undefined;
  readonly runManager: CallbackManagerForChainRun | undefined;
  readonly stop: AbortController;
}

/**
 * Runs a Runnable as turns of a conversation. The Runnable receives the past messages. The new messages are stored once and
 * whole, before `invoke()` resolves or a stream closes. Replaces LangChain's `RunnableWithMessageHistory`, and accepts its
 * options and calls.
 *
 * Each call passes a `configurable`. Never put a token there, because LangChain copies these values into traces.
 * - `sessionId`, with `getMessageHistory`: names the conversation.
 * - `session`, with `sessions`: its conversation. The runnable stops when the session ends, in any process.
 * - `operationId`: names the turn. If you repeat the request with the same id, the new run replaces the messages that failed
 *   runs left. Once the turn is stored, the call throws an OperationConflictError without running the runnable.
 * - `replaces`, with `sessions`: the position of a user's message. The turn replaces that message and all messages behind it,
 *   in the script that stores the turn. Until then the old messages stay.
 * - `answer`, with `session`: an answer in flight that `sessions.answers(session).begin()` returned. Pass the same input as to
 *   `begin`. The turn has the answer's operation id, and the script that stores the turn ends the answer.
 *
 * A compiled graph with a checkpointer may pause for a person. The user's message and each finished step are stored then. A
 * Command with the same `thread_id` resumes the graph, with any session of the user on that conversation, and the rest of
 * the turn is stored. A new input gives up the pause: open calls get an error as their result. Use `concurrency: "reject"`
 * or `"wait"`, so that only one of two answers to a pause runs. A repeated request, and a turn that replaces messages, delete
 * the thread, and the graph begins anew from the conversation. Do not pass `replaces` with a Command.
 *
 * A turn takes two round trips, and for a graph with a checkpointer one read of the thread. With a `concurrency` other than
 * `"allow"` it takes three, and one more for each try while another turn has the conversation. With a window, a turn that
 * replaces messages takes one more.
 *
 * Errors of a call:
 * - TurnNotStoredError: the runnable has answered, but the turn is not stored. The error has the answer, and `retry()`.
 * - AnswerStoppedError: a caller stopped the turn, or a later turn took its place. `onInterrupt` decides what is kept of it.
 * - ConversationBusyError, SessionNotFoundError, OperationConflictError, PositionNotFoundError, StoreUnavailableError:
 *   nothing was run or stored.
 * - InvalidOptionError, for a Command: nothing waits in this thread, the conversation was cleared, or the runnable is not
 *   a compiled graph with a checkpointer. Nothing was run or stored.
 * - Errors of the runnable are passed on as they are. `onInterrupt` decides what is stored then.
 *
 * @example
 * ```ts
 * const chain = new RunnableWithSession({
 *   runnable: prompt.pipe(model),
 *   sessions,
 *   inputMessagesKey: "input",
 *   historyMessagesKey: "history",
 * });
 * await chain.invoke({ input: "Hi" }, { configurable: { session } });
 * ```
 */
export class RunnableWithSession<RunInput, RunOutput> extends Runnable<RunInput, RunOutput> {
  override lc_namespace: string[] = ["langchain_redis_sessions", "runnables"];

  readonly #settings: RunnableSettings<RunInput, RunOutput>;

  /** @throws InvalidOptionError if a field is missing, unknown or invalid. */
  constructor(fields: RunnableWithSessionFields<RunInput, RunOutput, GraphLike<RunInput, RunOutput>>);
  constructor(fields: RunnableWithSessionFields<RunInput, RunOutput>);
  constructor(fields: RunnableWithSessionFields<RunInput, RunOutput, unknown>) {
    super(); // Pass no fields: Serializable would keep them, and show the client to tracers.
    this.#settings = parseFields(fields as RunnableWithSessionFields<RunInput, RunOutput>);
  }

  static override lc_name(): string {
    return "RunnableWithSession";
  }

  /** Runs the runnable as one turn, and returns its output when the turn is stored. See the class for the errors. */
  override invoke(input: RunInput, options?: Partial<RunnableConfig>): Promise<RunOutput> {
    return this._callWithConfig(
      (given: RunInput, config, runManager) => this.#invoke(given, childConfig(config, runManager)),
      input,
      this.#configOf(options),
    );
  }

  /**
   * Streams the answer, and stores the turn before the stream closes. A graph of LangGraph streams in its `streamMode`. Its
   * state decides what is stored, in every mode.
   */
  override async stream(
    input: RunInput,
    options?: Partial<RunnableConfig> & { streamMode?: string | string[]; subgraphs?: boolean },
  ): Promise<IterableReadableStream<RunOutput>> {
    const stop = new AbortController();
    const config = ensureConfig(this.#configOf(options));
    return readableTurn(this.#iterate(input, config, stop), config, stop);
  }

  override async *_streamIterator(input: RunInput, options?: Partial<RunnableConfig>): AsyncGenerator<RunOutput> {
    yield* this.#iterate(input, this.#configOf(options), new AbortController());
  }

  /** Adds chunks as the inner runnable adds them, for traces and for runnables that contain this one. */
  override _concatOutputChunks<Output>(first: Output, second: Output): Output {
    return adderOf(this.#settings.runnable)._concatOutputChunks(first, second);
  }

  #iterate(input: RunInput, options: Partial<RunnableConfig>, stop: AbortController): AsyncGenerator<RunOutput> {
    return this._transformStreamWithConfig(
      only(input),
      (inputs, runManager, config) => this.#stream(inputs, { config, runManager, stop }),
      options,
    );
  }

  async #invoke(input: RunInput, config: RunnableConfig): Promise<RunOutput> {
    const running = await this.#begin(input, config, new AbortController());
    try {
      running.signal.throwIfAborted();
      const output = await raceWithSignal(
        this.#settings.runnable.invoke(running.input, running.config),
        running.signal,
      );
      await running.store(output);
      return output;
    } finally {
      await running.close(() => undefined);
    }
  }

  async *#stream(
    inputs: AsyncGenerator<RunInput>,
    { config: own, runManager, stop }: StreamedRun,
  ): AsyncGenerator<RunOutput> {
    const { runnable, outputMessagesKey } = this.#settings;
    for await (const input of inputs) {
      // Make the child config only here: by now the config no longer has the id of this run, and the inner run needs another.
      const running = await this.#begin(input, childConfig(own, runManager), stop);
      yield* streamedTurn(running, runnable, outputMessagesKey, stop);
    }
  }

  async #begin(
    input: RunInput,
    config: RunnableConfig,
    stop: AbortController,
  ): Promise<RunningTurn<RunInput, RunOutput>> {
    config.signal?.throwIfAborted();
    // Check the input before anything is read, because a turn that has begun has to be ended.
    const given = this.#saidIn(input, config);
    const answer = answerOf(config.configurable ?? {}, this.#settings.sessions);
    const { history, watch } = await this.#conversation(config.configurable ?? {});
    try {
      const { operationId, replaces } = (config.configurable ?? {}) as Configurable;
      if (answer !== undefined) return await this.#goOn(answer, { input, given, config, history, watch, stop });
      const isNamed = typeof operationId === "string" && keepsThread(this.#settings.runnable, config);
      const said = isNamed ? saidUnder(operationId, given) : given;
      const turn = await Turn.begin(history, this.#settings.turn, {
        operationId: operationId as string | undefined, // Turn.begin checks both.
        replaces: replaces as string | undefined,
        said,
        signal: config.signal,
      });
      const thread = await this.#threadOf(input, said, turn, config);
      const now = isNamed ? saidBehind(turn.past, said) : said;
      return new RunningTurn(this.#settings, { turn, watch, said: now, input, config, stop, thread });
    } catch (error) {
      watch?.release();
      throw error;
    }
  }

  /** Begins the turn of an answer in flight. Its question is the input. */
  async #goOn(
    answer: Answer,
    { input, given, config, history, watch, stop }: GivenTurn<RunInput>,
  ): Promise<RunningTurn<RunInput, RunOutput>> {
    const said = isCommand(input) ? [] : questionIn(answer, given, "input");
    const turn = await Turn.begin(history, this.#settings.turn, { said, signal: config.signal, answer });
    const thread = await this.#threadOf(input, said, turn, config);
    return new RunningTurn(this.#settings, { turn, watch, said, input, config, stop, thread });
  }

  /** Returns the messages of the input. A Command, which resumes a graph, has none. */
  #saidIn(input: RunInput, config: RunnableConfig): BaseMessage[] {
    if (!isCommand(input)) {
      const said = inputMessages(input, this.#settings);
      inputOf(input, [], said, this.#settings);
      return said;
    }
    if (!answersOrRoutes(input)) {
      throw new InvalidOptionError(
        "input",
        "a Command that only has an update answers no pause: pass the user's message as the input instead.",
      );
    }
    if (keepsThread(this.#settings.runnable, config)) return [];
    throw new InvalidOptionError(
      "input",
      "a Command resumes a compiled graph with a checkpointer: pass that graph itself as the runnable, compiled with " +
        "{ checkpointer }, and not inside another runnable or graph.",
    );
  }

  /** Returns the thread's messages, for a graph that keeps a thread. Ends the turn if that fails. */
  async #threadOf(
    input: RunInput,
    said: readonly BaseMessage[],
    turn: Turn,
    config: RunnableConfig,
  ): Promise<TurnThread | undefined> {
    const { runnable } = this.#settings;
    if (!keepsThread(runnable, config)) return undefined;
    try {
      const thread = await threadOf(runnable, config);
      if (isCommand(input)) return await threadToResume(input, thread, turn, this.#settings);
      // The graph begins anew from the conversation, so delete the messages of an earlier run in its thread.
      if (turn.beginsAnew || (turn.named && hasSaid(thread, said, this.#settings))) {
        await deleteThreadOf(runnable, config);
        return { stored: [], unfinished: [], givenUp: [] };
      }
      return await threadBefore(thread, turn, this.#settings);
    } catch (error) {
      turn.abandon();
      throw error;
    }
  }

  async #conversation(configurable: Configurable): Promise<{ history: AnyHistory; watch: SessionWatch | undefined }> {
    const { sessions, getMessageHistory } = this.#settings;
    const { session, sessionId } = configurable;
    if (sessions !== undefined) {
      if (session === undefined) throw missing("session", "chain.invoke(input, { configurable: { session } })");
      return { history: sessions.history(session as Session), watch: sessions.watch(session as Session) };
    }
    if (typeof sessionId !== "string" || sessionId === "") {
      throw missing("sessionId", 'chain.invoke(input, { configurable: { sessionId: "ada" } })');
    }
    const history = await getMessageHistory?.(sessionId);
    if (!isHistory(history)) throw new InvalidOptionError("getMessageHistory", "return a chat history from it.");
    return { history, watch: undefined };
  }

  #configOf(options: Partial<RunnableConfig> | undefined): Partial<RunnableConfig> {
    return mergeConfigs(this.#settings.config, options);
  }
}

/** @throws InvalidOptionError if the value is not an answer, or belongs to another conversation. */
function answerOf({ answer, session, operationId, replaces }: Configurable, sessions: unknown): Answer | undefined {
  if (answer !== undefined && sessions === undefined) {
    throw new InvalidOptionError("configurable.answer", "construct the runnable with `sessions` to use an answer.");
  }
  return givenAnswer("configurable", { answer, session, operationId, replaces });
}

function missing(name: "session" | "sessionId", example: string): InvalidOptionError {
  return new InvalidOptionError(`configurable.${name}`, `pass it with the call, as in ${example}.`);
}

function childConfig(
  config: Partial<RunnableConfig> | undefined,
  runManager: CallbackManagerForChainRun | undefined,
): RunnableConfig {
  return patchConfig(config, runManager && { callbacks: runManager.getChild() });
}

async function* only<Value>(value: Value): AsyncGenerator<Value> {
  yield value;
}
