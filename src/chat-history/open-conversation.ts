import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { decodeMessages } from "../codec/decode.js";
import { encodeMessage } from "../codec/encode.js";
import type { Opened } from "../encryption/vault.js";
import { InvalidOptionError, OperationConflictError } from "../errors.js";
import { PROTOCOL } from "../options/copies.js";
import { acceptablePart, withinTokens, withoutTornTurn } from "../messages/window.js";
import { newOperationId } from "../redis/operation.js";
import {
  type Batch,
  EXPECT_NEW,
  type Fence,
  type LogPart,
  type MessageLog,
  NEVER_READ,
  type StoredQuestion,
} from "./message-log.js";
import type { HistoryLimits } from "./options.js";
import { type Era, Origin } from "./origin.js";

/** The most bytes of one write. Node cannot build a command of more than about 512 MB, and this size keeps Redis busy. */
const MAX_WRITE_BYTES = 134_217_728;

/** The properties of a turn that its caller knows before its read. */
export interface Beginning {
  /** The operation id that the caller chose. Without it, the turn makes a new one, which cannot have been used. */
  readonly operationId?: string | undefined;
  /** The name of the run that goes on. Absent for a run that begins. */
  readonly attempt?: string | undefined;
  /** The position of the first message that the turn replaces. */
  readonly replaces?: string | undefined;
  /** The stored question of the answer that the turn continues. The past leaves it out. */
  readonly question?: StoredQuestion | undefined;
  /** The messages of the input, which follow the past. Results at the beginning answer calls of the last answer. */
  readonly said?: readonly BaseMessage[] | undefined;
}

/** The result of a turn's read. The turn keeps it, because others may read and write through the same history object. */
export interface TurnBegun {
  /** The messages of the conversation. With a window, its newest part. */
  readonly past: BaseMessage[];
  /** The fence of the messages that the turn replaces. */
  readonly fence: Fence | undefined;
  /** True if an earlier run of the turn left parts. */
  readonly repeats: boolean;
  /** The entry of the first message that the turn replaces. */
  readonly replaced: Opened | undefined;
}

/** Checked and encoded messages, which can be appended. */
export type EncodedBatch = Pick<Batch, "encoded" | "toolCalls">;

/**
 * The open conversation of one history object: its log, the mark of the clear that the latest read saw, and a note on each
 * message that was returned. The history and the turns that run over it share this object.
 */
export class OpenConversation {
  /** The version of this object's undocumented members, for the turns of another copy of this package. */
  readonly protocol: number = PROTOCOL;
  /** The log of the messages, which also has the line in which turns wait. */
  readonly log: MessageLog;
  readonly #limits: HistoryLimits;
  #seen: string = NEVER_READ;
  /** True from a read until the append that follows it. */
  #inTurn = false;
  /** Marks the messages that were read here. A caller that stores its whole state passes them, and they are left out. */
  #era: Era = { history: {} };

  constructor(log: MessageLog, limits: HistoryLimits) {
    this.log = log;
    this.#limits = limits;
  }

  /** Returns the mark of the clear that the latest read saw (`""` for none). An append is refused after another clear. */
  get seen(): string {
    return this.#seen;
  }

  /** Reads the messages, oldest first. With a window, reads their newest part. Takes one round trip. */
  async read(): Promise<BaseMessage[]> {
    return (await this.#read()).past;
  }

  /**
   * Reads the messages for a turn, oldest first. With a window, reads their newest part. Takes one round trip.
   *
   * If `maxMessages` may have cut the conversation, the past does not start with calls, because a provider needs the question
   * in front of them. The past ends in front of the messages that the turn replaces: the parts of its own earlier runs, or
   * those that `replaces` names.
   *
   * @param turn the turn that begins with this read.
   * @throws OperationConflictError if the operation id of the turn was used before.
   * @throws PositionNotFoundError, InvalidOptionError for the message that the turn replaces.
   */
  begin(turn: Beginning): Promise<TurnBegun> {
    return this.#read(turn);
  }

  async #read(turn?: Beginning): Promise<TurnBegun> {
    const { window, maxMessages, onCorrupt } = this.#limits;
    const first = window && "messages" in window ? -window.messages : 0;
    // Take the era before the read, because the reply may contain messages that a clear() removes meanwhile.
    const era = this.#era;
    const { seen, entries, fence, parts, replaced, replacedCount = 0 } = await this.#readFor(turn, first);
    this.#seen = seen;
    this.#inTurn = true;
    const begun = { fence, repeats: parts > 0, replaced };
    const messages = decodeMessages(entries, first < 0 ? -entries.length : 0, onCorrupt);
    for (const message of messages) Origin.note(message, era);
    if (window !== undefined) {
      const past =
        "tokens" in window ? await withinTokens(messages, window, turn?.said) : acceptablePart(messages, turn?.said);
      return { ...begun, past };
    }
    const mayBeCut = maxMessages > 0 && entries.length + parts + replacedCount >= maxMessages;
    return { ...begun, past: turn !== undefined && mayBeCut ? withoutTornTurn(messages) : messages };
  }

  /**
   * Reads all messages, including those that the window hides, up to those that the turn replaces. The next append stays
   * fenced by the latest `read`.
   */
  async readAll(turn: Beginning): Promise<BaseMessage[]> {
    const { entries } = await this.#readFor(turn, 0);
    return decodeMessages(entries, 0, this.#limits.onCorrupt);
  }

  /** Fences the next append as if this object had read the conversation when `seen` was the mark of its latest clear. */
  resume(seen: string): void {
    this.#seen = seen;
    this.#inTurn = true;
  }

  async #readFor(turn: Beginning | undefined, first: number): Promise<LogPart> {
    const found = await this.log.read(first, turn);
    const isNew = turn?.attempt === undefined;
    if (isNew && turn?.operationId !== undefined && found.recorded) throw new OperationConflictError(turn.operationId);
    return found;
  }

  /**
   * Encodes the messages of one append. Leaves out messages that this object read, because they are stored.
   *
   * @throws InvalidOptionError for a value that is not a message, cannot be stored or is too large.
   */
  encode(messages: readonly BaseMessage[]): EncodedBatch {
    if (!Array.isArray(messages)) throw new InvalidOptionError("messages", "pass an array of LangChain messages.");
    const { maxMessages, maxMessageBytes } = this.#limits;
    const encoded: string[] = [];
    let toolCalls = 0;
    let bytes = 0;
    for (const [position, message] of messages.entries()) {
      const era = Origin.of(message);
      if (era === this.#era) continue;
      if (era?.history === this.#era.history) {
        throw new InvalidOptionError(
          `messages[${position}]`,
          "this history returned it before its clear(). To store it anew, use another RedisChatMessageHistory object.",
        );
      }
      const entry = encodeMessage(message, position);
      const size = Buffer.byteLength(entry);
      if (size > maxMessageBytes) {
        throw new InvalidOptionError(
          `messages[${position}]`,
          `it takes ${size} bytes, and maxMessageBytes is ${maxMessageBytes}. Store large content elsewhere, or raise the limit.`,
        );
      }
      encoded.push(entry);
      bytes += size;
      if (AIMessage.isInstance(message)) toolCalls += message.tool_calls?.length ?? 0;
    }
    if (maxMessages > 0 && encoded.length > maxMessages) {
      throw new InvalidOptionError(
        "messages",
        `${encoded.length} messages do not fit into maxMessages, which is ${maxMessages}. Pass fewer, or raise maxMessages.`,
      );
    }
    if (bytes > MAX_WRITE_BYTES) {
      throw new InvalidOptionError(
        "messages",
        `they take ${bytes} bytes together. Use at most 128 MiB for each write.`,
      );
    }
    return { encoded, toolCalls };
  }

  /** Appends a batch, once and whole, unless it is empty. Throws what {@link MessageLog.append} throws. */
  async append(
    batch: EncodedBatch,
    write: Pick<Batch, "operationId" | "lease" | "turn" | "fence" | "ending">,
  ): Promise<void> {
    if (batch.encoded.length === 0) return;
    const seen = await this.log.append({ ...batch, ...write, seen: this.#seen });
    this.#seen = seen ?? this.#seen;
    this.#inTurn = false;
  }

  /**
   * Ends a turn that has stored parts and no more messages. An interrupted turn removes its parts, unless other messages
   * follow them.
   */
  async conclude(write: Pick<Batch, "operationId" | "lease" | "turn" | "ending">): Promise<void> {
    await this.log.append({ encoded: [], toolCalls: 0, ...write, seen: this.#seen });
  }

  /** Stores the newest messages that fit into a new log. Returns their number, or 0 if the log has been used. */
  async appendFirst(messages: readonly BaseMessage[]): Promise<number> {
    const batch = this.encode(messages.slice(-(this.#limits.maxMessages || messages.length)));
    if (batch.encoded.length === 0) return 0;
    const appended = await this.log.append({ ...batch, operationId: newOperationId(), seen: EXPECT_NEW });
    return appended === undefined ? 0 : batch.encoded.length;
  }

  /** Removes all messages. A turn that is under way through this object stays fenced by its own read. */
  async clear(operationId: string): Promise<void> {
    const mark = await this.log.clear(operationId);
    if (!this.#inTurn && this.#seen !== NEVER_READ) this.#seen = mark;
    this.#era = { ...this.#era };
  }
}
