import { BaseMemory, type InputValues, type MemoryVariables, type OutputValues } from "@langchain/core/memory";
import { AIMessage, getBufferString, HumanMessage } from "@langchain/core/messages";
import { z } from "zod";
import { answerable } from "../messages/answerable.js";
import { type AnyHistory, isHistory, Turn } from "../turns/turn.js";
import { turnSettings, turnShape } from "../turns/turn-options.js";
import { InvalidOptionError } from "../errors.js";
import { validate } from "../options/validation.js";
import { namesIn, pick, told, toMessages } from "./chain-values.js";

/** Turns that were read and never stored, because their chain failed, are forgotten beyond so many. */
const MAX_OPEN_TURNS = 1_000;

interface Bound {
  /** The one conversation of this memory. */
  chatHistory: AnyHistory;
  getMessageHistory?: undefined;
  sessionIdKey?: undefined;
}

interface SessionAware {
  /**
   * The history of what stands under `sessionIdKey`: the id of a conversation, or a session with
   * `(session) => sessions.history(session)`. Return a new object for each call, so that each turn is fenced.
   */
  getMessageHistory: (session: never) => AnyHistory | Promise<AnyHistory>;
  /**
   * Where the chain's input values say whose turn it is.
   * @default "sessionId"
   */
  sessionIdKey?: string | undefined;
  chatHistory?: undefined;
}

/** Options of {@link SessionMemory}: those of LangChain's `BufferMemory`, for one conversation or for many. */
export type SessionMemoryFields = (Bound | SessionAware) & {
  /**
   * Under which name the prompt is given the history.
   * @default "history"
   */
  memoryKey?: string | undefined;
  /** Which input value the user says; absent, the only one besides the session's id and the memory's own. */
  inputKey?: string | undefined;
  /** Which output value answers; absent, the only one. */
  outputKey?: string | undefined;
  /**
   * Whether the prompt is given messages, for a `MessagesPlaceholder`, rather than a text.
   * @default false
   */
  returnMessages?: boolean | undefined;
  /**
   * What stands before the user's lines in the text.
   * @default "Human"
   */
  humanPrefix?: string | undefined;
  /**
   * What stands before the answers in the text.
   * @default "AI"
   */
  aiPrefix?: string | undefined;
};

const functionSchema = z.custom<(session: unknown) => AnyHistory | Promise<AnyHistory>>(
  (value) => typeof value === "function",
  "use a function",
);
const keySchema = z.string("use a string").min(1, "use a name");
const fieldsSchema = z.strictObject(
  {
    chatHistory: z.custom<AnyHistory>(isHistory, "pass a chat history").optional(),
    getMessageHistory: functionSchema.optional(),
    sessionIdKey: keySchema.optional(),
    memoryKey: keySchema.default("history"),
    inputKey: keySchema.optional(),
    outputKey: keySchema.optional(),
    returnMessages: z.boolean("use true or false").default(false),
    humanPrefix: z.string("use a string").default("Human"),
    aiPrefix: z.string("use a string").default("AI"),
  },
  "pass an object with chatHistory or getMessageHistory",
);

/** Whose turn it is, and what was said: two inputs at once with the same of both are the same to us. */
interface OpenTurn {
  readonly session: unknown;
  /** Absent when the values did not tell: a memory can be loaded before it is known what will be said. */
  readonly said: unknown;
  /** It has read, and so is fenced. */
  readonly history: AnyHistory;
}

/**
 * The memory of a classic chain, such as `ConversationChain` of `@langchain/classic`: each turn is stored in one atomic
 * append. Bound to one `chatHistory`, or session-aware: then the chain's input values say whose turn it is, and one
 * chain object serves every user.
 *
 * When the turn cannot be stored the chain rejects with a TurnNotStoredError, which holds the chain's output.
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
  readonly #fields: z.output<typeof fieldsSchema>;
  readonly #settings = turnSettings(z.object(turnShape).parse({}));
  /** Chains load, then save, and nothing but their input connects the two. */
  #open: OpenTurn[] = [];

  /** @throws InvalidOptionError when a field is missing, unknown or of the wrong form. */
  constructor(fields: SessionMemoryFields) {
    super();
    this.#fields = validate(fieldsSchema, "fields", fields);
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
   * Returns what was said before, whatever the values are; a memory for many reads in them whose turn it is.
   *
   * @throws InvalidOptionError when the values do not say whose turn it is; what the history throws.
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
   * @throws TurnNotStoredError when it could not be stored, or the values do not tell what was said or answered; `output`
   * has the chain's output values.
   * @throws InvalidOptionError when the values do not say whose turn it is.
   */
  override async saveContext(values: InputValues, outputs: OutputValues): Promise<void> {
    const session = this.#session(values);
    const said = this.#said(values);
    const answer = pick(outputs, this.#fields.outputKey, namesIn(outputs));
    const open = this.#takeOpen(session, said) ?? this.#takeOpen(session, undefined);
    // Saved without being loaded: nothing was read that could have changed since.
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
   * @param values whose; nothing for a memory that is bound to one.
   * @throws InvalidOptionError when the values do not say whose; what the history's `clear()` throws.
   */
  async clear(values: InputValues = {}): Promise<void> {
    await (await this.#history(values)).clear();
  }

  /** The latest: of those before it the chain may have failed, and what they read may have changed since. */
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

  /** Of the values that the user may have said. A chain may pass on what it loaded, beside them. */
  #inputNames(values: InputValues): string[] {
    const { chatHistory, sessionIdKey = "sessionId", memoryKey } = this.#fields;
    const names = namesIn(values).filter((name) => chatHistory !== undefined || name !== sessionIdKey);
    return names.length === 1 ? names : names.filter((name) => name !== memoryKey);
  }
}
