import { BaseMemory, type InputValues, type MemoryVariables, type OutputValues } from "@langchain/core/memory";
import { AIMessage, getBufferString, HumanMessage } from "@langchain/core/messages";
import { z } from "zod";
import { answerable } from "../messages/answerable.js";
import { type AnyHistory, isHistory, Turn } from "../turns/turn.js";
import { turnSettings, turnShape } from "../turns/turn-options.js";
import { InvalidOptionError } from "../errors.js";
import { validate } from "../options/validation.js";
import { namesIn, pick, told, toMessages } from "./chain-values.js";
import { once } from "../options/once.js";

/** How many turns that were read and not stored are remembered. Those of failed chains are never stored. */
const MAX_OPEN_TURNS = 1_000;

interface Bound {
  /** The one conversation of this memory. */
  chatHistory: AnyHistory;
  getMessageHistory?: undefined;
  sessionIdKey?: undefined;
}

interface SessionAware {
  /**
   * Returns the history of the value under `sessionIdKey`: the id of a conversation, or a session with
   * `(session) => sessions.history(session)`. Return a new object for each call, so that each turn is fenced.
   */
  getMessageHistory: (session: never) => AnyHistory | Promise<AnyHistory>;
  /**
   * The name of the input value that says whose turn it is.
   * @default "sessionId"
   */
  sessionIdKey?: string | undefined;
  chatHistory?: undefined;
}

/** Options of {@link SessionMemory}: those of LangChain's `BufferMemory`, for one conversation or for many. */
export type SessionMemoryFields = (Bound | SessionAware) & {
  /**
   * The name under which the prompt gets the history.
   * @default "history"
   */
  memoryKey?: string | undefined;
  /**
   * The name of the input value that the user says. Without it, that is the only value besides the session's id and the
   * memory's own.
   */
  inputKey?: string | undefined;
  /** The name of the output value that answers. Without it, that is the only value. */
  outputKey?: string | undefined;
  /**
   * True when the prompt gets messages, for a `MessagesPlaceholder`, rather than a text.
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
const keySchema = once(() => z.string("use a string").min(1, "use a name"));
const fieldsSchema = once(() =>
  z.strictObject(
    {
      chatHistory: z.custom<AnyHistory>(isHistory, "pass a chat history").optional(),
      getMessageHistory: functionSchema().optional(),
      sessionIdKey: keySchema().optional(),
      memoryKey: keySchema().default("history"),
      inputKey: keySchema().optional(),
      outputKey: keySchema().optional(),
      returnMessages: z.boolean("use true or false").default(false),
      humanPrefix: z.string("use a string").default("Human"),
      aiPrefix: z.string("use a string").default("AI"),
    },
    "pass an object with chatHistory or getMessageHistory",
  ),
);

/** A turn that was read, by its session and what was said. Two turns at once with the same of both are not told apart. */
interface OpenTurn {
  readonly session: unknown;
  /** Absent when the values did not say: a memory can be loaded before it is known what will be said. */
  readonly said: unknown;
  /** This object has read the conversation, so an append through it is fenced. */
  readonly history: AnyHistory;
}

/**
 * The memory of a classic chain, such as `ConversationChain` of `@langchain/classic`: each turn is stored in one atomic
 * append. A memory with a `chatHistory` has one conversation. With `getMessageHistory` it is session-aware: the chain's
 * input values say whose turn it is, and one chain object serves every user.
 *
 * When the turn cannot be stored, the chain rejects with a TurnNotStoredError, which holds the chain's output.
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
  readonly #settings = turnSettings(z.object(turnShape()).parse({}));
  /** A chain loads, then saves. Only its input connects the two. */
  #open: OpenTurn[] = [];

  /** @throws InvalidOptionError when a field is missing, unknown or of the wrong form. */
  constructor(fields: SessionMemoryFields) {
    super();
    this.#fields = validate(fieldsSchema(), "fields", fields);
    const { chatHistory, getMessageHistory, sessionIdKey } = this.#fields;
    if ((chatHistory === undefined) === (getMessageHistory === undefined)) {
      throw new InvalidOptionError("chatHistory", "pass either chatHistory or getMessageHistory.");
    }
    if (chatHistory && sessionIdKey) throw new InvalidOptionError("sessionIdKey", "it goes with getMessageHistory.");
  }

  override get memoryKeys(): string[] {
    return [this.#fields.memoryKey];
  }

  /**
   * Returns what was said before. A session-aware memory takes from the values whose turn it is.
   *
   * @throws InvalidOptionError when the values do not say whose turn it is.
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
   * Stores the turn, whole.
   *
   * @throws TurnNotStoredError when the turn could not be stored, or the values do not say what was said or answered.
   * `output` holds the chain's output values.
   * @throws InvalidOptionError when the values do not say whose turn it is.
   */
  override async saveContext(values: InputValues, outputs: OutputValues): Promise<void> {
    const session = this.#session(values);
    const said = this.#said(values);
    const answer = pick(outputs, this.#fields.outputKey, namesIn(outputs));
    const open = this.#takeOpen(session, said) ?? this.#takeOpen(session, undefined);
    // A turn that was not loaded has read nothing that could have changed since, so any object will do.
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
   * Ends a conversation.
   *
   * @param values say whose conversation. A memory with a `chatHistory` needs none.
   * @throws InvalidOptionError when the values do not say whose conversation.
   * @throws what `clear()` of the history throws.
   */
  async clear(values: InputValues = {}): Promise<void> {
    await (await this.#history(values)).clear();
  }

  /**
   * Returns the latest open turn of a session in which this was said, and forgets it. The chains of earlier ones may have
   * failed, and what those read may have changed since.
   */
  #takeOpen(session: unknown, said: unknown): OpenTurn | undefined {
    const index = this.#open.findLastIndex((open) => open.session === session && open.said === said);
    return index === -1 ? undefined : this.#open.splice(index, 1)[0];
  }

  async #history(values: InputValues): Promise<AnyHistory> {
    const { chatHistory, getMessageHistory } = this.#fields;
    const history = chatHistory ?? (await getMessageHistory?.(this.#session(values)));
    if (!isHistory(history)) {
      throw new InvalidOptionError("getMessageHistory", "it has to return a chat history.");
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
        `the input values have to say whose turn it is, as in chain.invoke({ input: "Hi", ${sessionIdKey}: "ada" }).`,
      );
    }
    return session;
  }

  #said(values: InputValues): unknown {
    return pick(values, this.#fields.inputKey, this.#inputNames(values));
  }

  /** Returns the names of the values that the user may have said. A chain may also pass on what it loaded. */
  #inputNames(values: InputValues): string[] {
    const { chatHistory, sessionIdKey = "sessionId", memoryKey } = this.#fields;
    const names = namesIn(values).filter((name) => chatHistory !== undefined || name !== sessionIdKey);
    return names.length === 1 ? names : names.filter((name) => name !== memoryKey);
  }
}
