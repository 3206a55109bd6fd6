import { BaseMemory, type InputValues, type MemoryVariables, type OutputValues } from "@langchain/core/memory";
import { AIMessage, getBufferString, HumanMessage } from "@langchain/core/messages";
import * as z from "../options/schema.js";
import { answerable } from "../messages/answerable.js";
import { type AnyHistory, isHistory, Turn } from "../turns/turn.js";
import { turnSettings, turnShape } from "../turns/turn-options.js";
import { InvalidOptionError } from "../errors.js";
import { validate } from "../options/validation.js";
import { namesIn, pick, told, toMessages } from "./chain-values.js";
import { once } from "../options/once.js";

/** The most turns that are remembered between load and save. Turns of failed chains are loaded and never saved. */
const MAX_OPEN_TURNS = 1_000;

/** The part of {@link SessionMemoryFields} that names one conversation. */
export interface WithHistory {
  /** The one conversation of this memory. */
  chatHistory: AnyHistory;
  getMessageHistory?: undefined;
  sessionIdKey?: undefined;
}

/** The part of {@link SessionMemoryFields} that names a conversation for each turn. */
export interface WithHistories {
  /**
   * Returns the history for the input value `sessionIdKey`: the id of a conversation, or a session with
   * `(session) => sessions.history(session)`. Return a new object for each call, so that a turn is refused if the
   * conversation was cleared after the turn read it.
   */
  getMessageHistory: (session: never) => AnyHistory | Promise<AnyHistory>;
  /**
   * The name of the input value that names the conversation or session.
   * @default "sessionId"
   */
  sessionIdKey?: string | undefined;
  chatHistory?: undefined;
}

/** Options of {@link SessionMemory}: those of LangChain's `BufferMemory`, for one conversation or for many. */
export type SessionMemoryFields = (WithHistory | WithHistories) & {
  /**
   * The name of the prompt's variable that receives the history.
   * @default "history"
   */
  memoryKey?: string | undefined;
  /**
   * The name of the input value with the user's message.
   * @default the only input value besides those under `sessionIdKey` and `memoryKey`
   */
  inputKey?: string | undefined;
  /**
   * The name of the output value with the answer.
   * @default the only output value
   */
  outputKey?: string | undefined;
  /**
   * With `true`, the prompt receives messages, for a `MessagesPlaceholder`. With `false`, it receives a text.
   * @default false
   */
  returnMessages?: boolean | undefined;
  /**
   * The prefix of the user's lines in the text.
   * @default "Human"
   */
  humanPrefix?: string | undefined;
  /**
   * The prefix of the answers in the text.
   * @default "AI"
   */
  aiPrefix?: string | undefined;
};

const functionSchema = once(() =>
  z.custom<(session: unknown) => AnyHistory | Promise<AnyHistory>>(
    (value) => typeof value === "function",
    "use a function",
  ),
);
const keySchema = once(() => z.check(z.string("use a string"), z.minLength(1, "use a name")));
const fieldsSchema = once(() =>
  z.strictObject(
    {
      chatHistory: z.optional(z.custom<AnyHistory>(isHistory, "pass a chat history")),
      getMessageHistory: z.optional(functionSchema()),
      sessionIdKey: z.optional(keySchema()),
      memoryKey: z._default(keySchema(), "history"),
      inputKey: z.optional(keySchema()),
      outputKey: z.optional(keySchema()),
      returnMessages: z._default(z.boolean("use true or false"), false),
      humanPrefix: z._default(z.string("use a string"), "Human"),
      aiPrefix: z._default(z.string("use a string"), "AI"),
    },
    "pass an object with chatHistory or getMessageHistory",
  ),
);

/** A loaded turn, found by its session and its input. Two concurrent turns with the same session and input are mixed up. */
interface OpenTurn {
  readonly session: unknown;
  /** Absent if the values did not include the input. A memory can be loaded before the input is known. */
  readonly said: unknown;
  /** The history that read the conversation. An append through it is refused if the conversation was cleared since. */
  readonly history: AnyHistory;
}

/**
 * The memory of a classic chain, such as `ConversationChain` of `@langchain/classic`. Each turn is stored in one atomic
 * append. A memory with a `chatHistory` has one conversation. A memory with `getMessageHistory` is session-aware: an input
 * value of the chain names the conversation or session, and one chain object serves every user.
 *
 * If the turn cannot be stored, the chain rejects with a TurnNotStoredError, whose `output` has the chain's output.
 *
 * @example
 * ```ts
 * const memory = new SessionMemory({
 *   getMessageHistory: (sessionId: string) => new RedisChatMessageHistory({ client, sessionId }),
 * });
 * const chain = new ConversationChain({ llm: model, memory });
 * await chain.invoke({ input: "Hi", sessionId: "ada" });
 * ```
 */
export class SessionMemory extends BaseMemory {
  readonly #fields: z.output<ReturnType<typeof fieldsSchema>>;
  readonly #settings = turnSettings(validate(z.object(turnShape()), "options", {}));
  /** The loaded turns that are not saved yet. A chain loads, then saves, and only its input connects the two calls. */
  #open: OpenTurn[] = [];

  /** @throws InvalidOptionError if a field is missing, unknown or invalid. */
  constructor(fields: SessionMemoryFields) {
    super();
    this.#fields = validate(fieldsSchema(), "fields", fields);
    const { chatHistory, getMessageHistory, sessionIdKey } = this.#fields;
    if ((chatHistory === undefined) === (getMessageHistory === undefined)) {
      throw new InvalidOptionError("chatHistory", "pass either chatHistory or getMessageHistory.");
    }
    if (chatHistory && sessionIdKey)
      throw new InvalidOptionError("sessionIdKey", "use it only with getMessageHistory.");
  }

  override get memoryKeys(): string[] {
    return [this.#fields.memoryKey];
  }

  /**
   * Returns the past messages, under `memoryKey`.
   *
   * @param values the chain's input values. A session-aware memory needs the value `sessionIdKey`.
   * @throws InvalidOptionError if that value is missing.
   * @throws what `getMessages()` of the history throws.
   */
  override async loadMemoryVariables(values: InputValues = {}): Promise<MemoryVariables> {
    const session = this.#session(values);
    const history = await this.#history(values);
    const past = await history.getMessages();
    const said = this.#said(values);
    this.#open = [...this.#open, { session, said, history }].slice(-MAX_OPEN_TURNS);
    const { memoryKey, returnMessages, humanPrefix, aiPrefix } = this.#fields;
    if (!returnMessages) return { [memoryKey]: getBufferString(past, humanPrefix, aiPrefix) };
    return { [memoryKey]: answerable(past, said === undefined ? [] : toMessages(said, HumanMessage)) };
  }

  /**
   * Stores the turn, once and whole.
   *
   * @throws TurnNotStoredError if the turn could not be stored, or the input or output value is unclear. Its `output` has the
   * chain's output values.
   * @throws InvalidOptionError if the value `sessionIdKey` is missing.
   */
  override async saveContext(values: InputValues, outputs: OutputValues): Promise<void> {
    const session = this.#session(values);
    const said = this.#said(values);
    const answer = pick(outputs, this.#fields.outputKey, namesIn(outputs));
    const open = this.#takeOpen(session, said) ?? this.#takeOpen(session, undefined);
    // A turn that was not loaded has read nothing that could have changed since, so it needs no fenced history.
    const turn = Turn.over(open?.history ?? (await this.#history(values)), this.#settings);
    await turn.store({
      messages: () => [
        ...toMessages(told(said, "inputKey", this.#inputNames(values)), HumanMessage),
        ...toMessages(told(answer, "outputKey", namesIn(outputs)), AIMessage),
      ],
      output: outputs,
    });
  }

  /**
   * Ends a conversation: removes its messages.
   *
   * @param values an object with the value `sessionIdKey`. A memory with a `chatHistory` needs none.
   * @throws InvalidOptionError if that value is missing.
   * @throws what `clear()` of the history throws.
   */
  async clear(values: InputValues = {}): Promise<void> {
    await (await this.#history(values)).clear();
  }

  /**
   * Returns the latest open turn with this session and input, and forgets it. The chains of earlier ones may have failed,
   * and the messages that those read may have changed since.
   */
  #takeOpen(session: unknown, said: unknown): OpenTurn | undefined {
    const index = this.#open.findLastIndex((open) => open.session === session && open.said === said);
    return index === -1 ? undefined : this.#open.splice(index, 1)[0];
  }

  async #history(values: InputValues): Promise<AnyHistory> {
    const { chatHistory, getMessageHistory } = this.#fields;
    const history = chatHistory ?? (await getMessageHistory?.(this.#session(values)));
    if (!isHistory(history)) {
      throw new InvalidOptionError("getMessageHistory", "return a chat history from it.");
    }
    return history;
  }

  #session(values: InputValues): unknown {
    const { chatHistory, sessionIdKey = "sessionId" } = this.#fields;
    if (chatHistory) return undefined;
    const session: unknown = values?.[sessionIdKey];
    if (session === undefined || session === null || session === "") {
      throw new InvalidOptionError(
        sessionIdKey,
        `pass it with the input values, as in chain.invoke({ input: "Hi", ${sessionIdKey}: "ada" }).`,
      );
    }
    return session;
  }

  #said(values: InputValues): unknown {
    return pick(values, this.#fields.inputKey, this.#inputNames(values));
  }

  /** Returns the names of the values that may be the user's message. A chain may also pass on the loaded history. */
  #inputNames(values: InputValues): string[] {
    const { chatHistory, sessionIdKey = "sessionId", memoryKey } = this.#fields;
    const names = namesIn(values).filter((name) => chatHistory !== undefined || name !== sessionIdKey);
    return names.length === 1 ? names : names.filter((name) => name !== memoryKey);
  }
}
