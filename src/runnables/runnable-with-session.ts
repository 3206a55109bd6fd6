import type { CallbackManagerForChainRun } from "@langchain/core/callbacks/manager";
import type { BaseMessage } from "@langchain/core/messages";
import { patchConfig, raceWithSignal, Runnable, type RunnableConfig } from "@langchain/core/runnables";
import { concat } from "@langchain/core/utils/stream";
import { type AnyHistory, Turn } from "../chat-history/turn.js";
import { InvalidOptionError } from "../errors.js";
import type { Session } from "../sessions/schema.js";
import type { SessionWatch } from "../sessions/signals.js";
import { inputMessages, newAmong, outputMessages, withHistory } from "./messages.js";
import { parseFields, type RunnableSettings, type RunnableWithSessionFields } from "./options.js";

/** A stream that nobody reads for so long is taken for left: its reader may be gone without a word. */
const LONGEST_PAUSE_MILLISECONDS = 600_000;

/** What `configurable` holds, with the call or by `withConfig()`. */
interface Configurable {
  readonly sessionId?: unknown;
  readonly session?: unknown;
  readonly operationId?: unknown;
}

/**
 * Runs a Runnable as turns of a conversation: it is given what was said before, and what is said now is stored, once
 * and whole, before `invoke()` resolves or a stream closes. Takes the place of LangChain's
 * `RunnableWithMessageHistory`, whose options and calls it understands.
 *
 * The conversation is that of `configurable: { sessionId }` with `getMessageHistory`, or of
 * `configurable: { session }` with `sessions`: then the end of the session, wherever it comes from, stops the
 * runnable. `configurable: { operationId }` names the turn: a repeated request is refused (OperationConflictError)
 * once its turn is stored. Never put a token there: LangChain copies these values into traces.
 *
 * Two round trips a turn; with `concurrency` `"wait"` or `"reject"` three, and one for each look at a conversation
 * that is taken.
 *
 * - TurnNotStoredError: answered, and not stored; it holds the answer, and `retry()`.
 * - SessionBusyError, SessionNotFoundError, OperationConflictError, StoreUnavailableError: nothing was run or stored.
 * - Errors of the runnable are passed on as they are; for what is stored then see `onInterrupt`.
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

  /** @throws InvalidOptionError when a field is missing, unknown or of the wrong form. */
  constructor(fields: RunnableWithSessionFields<RunInput, RunOutput>) {
    super(); // Without the fields: Serializable keeps them, and would show what they hold to tracers.
    this.#settings = parseFields(fields);
  }

  static override lc_name(): string {
    return "RunnableWithSession";
  }

  override invoke(input: RunInput, options?: Partial<RunnableConfig>): Promise<RunOutput> {
    return this._callWithConfig(
      (given: RunInput, config, runManager) => this.#invoke(given, childConfig(config, runManager)),
      input,
      options,
    );
  }

  override async *_streamIterator(input: RunInput, options?: Partial<RunnableConfig>): AsyncGenerator<RunOutput> {
    yield* this._transformStreamWithConfig(
      only(input),
      (inputs, runManager, config) => this.#stream(inputs, childConfig(config, runManager)),
      options,
    );
  }

  async #invoke(input: RunInput, config: RunnableConfig): Promise<RunOutput> {
    const running = await this.#begin(input, config);
    try {
      const output = await raceWithSignal(
        this.#settings.runnable.invoke(running.input, running.config),
        running.signal,
      );
      await running.store(output);
      return output;
    } finally {
      await running.close(undefined);
    }
  }

  async *#stream(inputs: AsyncGenerator<RunInput>, config: RunnableConfig): AsyncGenerator<RunOutput> {
    const chunks: RunOutput[] = [];
    for await (const input of inputs) {
      const running = await this.#begin(input, config);
      // Of an aborted stream nobody asks for the rest, and so nothing below would run.
      const onAbort = (): void => void running.close(joined(chunks));
      running.signal.addEventListener("abort", onAbort, { once: true });
      try {
        for await (const chunk of await this.#settings.runnable.stream(running.input, running.config)) {
          chunks.push(chunk);
          running.readerHasIt();
          yield chunk;
          running.readerIsBack();
        }
        await running.store(joined(chunks));
      } finally {
        running.signal.removeEventListener("abort", onAbort);
        await running.close(joined(chunks));
      }
    }
  }

  async #begin(input: RunInput, config: RunnableConfig): Promise<RunningTurn<RunInput, RunOutput>> {
    config.signal?.throwIfAborted();
    const said = inputMessages(input, this.#settings);
    const { history, watch } = await this.#conversation(config.configurable ?? {});
    try {
      const { operationId } = (config.configurable ?? {}) as Configurable;
      const turn = await Turn.begin(history, this.#settings.turn, {
        operationId: operationId as string | undefined,
        signal: config.signal,
      });
      return new RunningTurn(this.#settings, { turn, watch, said, input, config });
    } catch (error) {
      watch?.release();
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
    if (history === undefined) throw new InvalidOptionError("getMessageHistory", "it has to return a chat history.");
    return { history, watch: undefined };
  }
}

/** A turn while its runnable runs. */
class RunningTurn<RunInput, RunOutput> {
  /** What the runnable is given. */
  readonly input: RunInput;
  readonly config: RunnableConfig;
  /** Aborts for whatever reason the runnable has to stop. */
  readonly signal: AbortSignal;
  readonly #settings: RunnableSettings<RunInput, RunOutput>;
  readonly #turn: Turn;
  readonly #watch: SessionWatch | undefined;
  readonly #said: readonly BaseMessage[];
  readonly #aborted: AbortSignal | undefined;
  readonly #left = new AbortController();
  #pause: NodeJS.Timeout | undefined;

  constructor(
    settings: RunnableSettings<RunInput, RunOutput>,
    begun: {
      turn: Turn;
      watch: SessionWatch | undefined;
      said: readonly BaseMessage[];
      input: RunInput;
      config: RunnableConfig;
    },
  ) {
    this.#settings = settings;
    this.#turn = begun.turn;
    this.#watch = begun.watch;
    this.#said = begun.said;
    this.#aborted = begun.config.signal;
    const signals = [begun.config.signal, begun.watch?.signal, this.#left.signal];
    this.signal = AbortSignal.any(signals.filter((signal) => signal !== undefined));
    this.config = { ...begun.config, signal: this.signal };
    this.input = withHistory(begun.input, begun.turn.past, begun.said, settings) as RunInput;
  }

  async store(output: RunOutput | undefined): Promise<void> {
    try {
      await this.#turn.store({ messages: () => this.#messages(output), output });
    } catch (error) {
      // Who aborted was told so; nobody waits for this.
      if (this.#aborted?.aborted === true) this.#settings.turn.tellError(error);
      throw error;
    }
  }

  /** However it ended. Does nothing about a turn that is stored, or could not be: that was told to the caller. */
  async close(partial: RunOutput | undefined): Promise<void> {
    clearTimeout(this.#pause);
    this.#watch?.release();
    if (this.#watch?.signal.aborted === true) this.#turn.abandon();
    await this.#turn.interrupt(() => this.#partialMessages(partial));
  }

  readerHasIt(): void {
    this.#pause = setTimeout(
      () => this.#left.abort(new Error("Nobody read the stream for ten minutes; it was taken for left.")),
      LONGEST_PAUSE_MILLISECONDS,
    ).unref();
  }

  readerIsBack(): void {
    clearTimeout(this.#pause);
  }

  #messages(output: RunOutput | undefined): BaseMessage[] {
    const answer = outputMessages(output, this.#settings);
    return [...this.#said, ...newAmong(answer, { past: this.#turn.past, said: this.#said })];
  }

  #partialMessages(partial: RunOutput | undefined): readonly BaseMessage[] {
    try {
      return this.#messages(partial);
    } catch {
      return this.#said;
    }
  }
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

/** What the chunks of a stream make together. */
function joined<Chunk>(chunks: readonly Chunk[]): Chunk | undefined {
  const [first, ...others] = chunks;
  return first === undefined ? undefined : others.reduce(added, first);
}

function added<Chunk>(sum: Chunk, chunk: Chunk): Chunk {
  try {
    return concat(sum, chunk);
  } catch {
    return chunk; // No sum of these: the last one counts.
  }
}
