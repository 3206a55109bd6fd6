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

/** Node cannot build a longer command than about 512 MB. A batch of this size already keeps Redis busy for a while. */
const MAX_WRITE_BYTES = 134_217_728;

/** A turn, as far as its caller knows it before its read. */
export interface Beginning {
  /** The operation id that the caller chose. Without it, a turn makes one, which cannot have been used. */
  readonly operationId?: string | undefined;
  /** The run of the turn that goes on. Absent for a run that begins. */
  readonly attempt?: string | undefined;
  /** The position of the first message that the turn replaces. */
  readonly replaces?: string | undefined;
  /** The question of an answer that is stored, and that the turn goes on with. The past is what there is beside it. */
  readonly question?: StoredQuestion | undefined;
  /** What follows the messages in this turn. Results at its beginning answer calls of the last answer. */
  readonly said?: readonly BaseMessage[] | undefined;
}

/** What the read of a turn found. The turn keeps it: others may read and write through the same history object. */
export interface TurnBegun {
  /** What the conversation holds: with a window, its newest part. */
  readonly past: BaseMessage[];
  /** What the turn replaces, and must find. */
  readonly fence: Fence | undefined;
  /** Whether an earlier run of the turn left parts. */
  readonly repeats: boolean;
  /** The entry that the turn is to replace first. */
  readonly replaced: Opened | undefined;
}

/** Messages that have been checked and encoded, and can be appended. */
export type EncodedBatch = Pick<Batch, "encoded" | "toolCalls">;

/**
 * A conversation as one history object has it open: its log, the clear that the latest read saw, and a note on each
 * message that was handed out. The history and the turns that run over it share this object.
 */
export class OpenConversation {
  /** What the turns of another copy of this package may expect of this object. */
  readonly protocol: number = PROTOCOL;
  /** The line in which turns wait is part of the log. */
  readonly log: MessageLog;
  readonly #limits: HistoryLimits;
  #seen: string = NEVER_READ;
  /** True from a read until the append that follows it. */
  #inTurn = false;
  /** A caller that stores its whole state passes messages that were read here. They must not be stored again. */
  #era: Era = { history: {} };

  constructor(log: MessageLog, limits: HistoryLimits) {
    this.log = log;
    this.#limits = limits;
  }

  /** Returns the clear that the latest read saw (`""` for none). An append is refused once there is another. */
  get seen(): string {
    return this.#seen;
  }

  /** Reads the messages, oldest first, or the newest part of them that the window allows. One round trip. */
  async read(): Promise<BaseMessage[]> {
    return (await this.#read()).past;
  }

  /**
   * Reads the messages for a turn, oldest first, or the newest part of them that the window allows. One round trip.
   *
   * A conversation that `maxMessages` may have cut starts without calls: a provider wants the question in
   * front of them. It ends in front of what the turn replaces: parts of its own earlier runs, or what `replaces` names.
   *
   * @param turn the turn that begins with this read.
   * @throws OperationConflictError when the operation id of the turn has been used.
   * @throws PositionNotFoundError, InvalidOptionError for what the turn is to replace.
   */
  begin(turn: Beginning): Promise<TurnBegun> {
    return this.#read(turn);
  }

  async #read(turn?: Beginning): Promise<TurnBegun> {
    const { window, maxMessages, onCorrupt } = this.#limits;
    const first = window && "messages" in window ? -window.messages : 0;
    // The era is taken before the read: what arrives after a clear() may be what that clear removed.
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
   * Reads all messages, also those that the window hides, up to what the turn replaces. The next append is fenced by what
   * the latest `read` saw.
   */
  async readAll(turn: Beginning): Promise<BaseMessage[]> {
    const { entries } = await this.#readFor(turn, 0);
    return decodeMessages(entries, 0, this.#limits.onCorrupt);
  }

  /** Fences the next append as if this object had read the conversation when `seen` was its latest clear. */
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
   * Encodes the messages of one append. Leaves out messages that this object read: they are stored.
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
          `it takes ${size} bytes, and maxMessageBytes is ${maxMessageBytes}. Keep large content elsewhere, or raise it.`,
        );
      }
      encoded.push(entry);
      bytes += size;
      if (AIMessage.isInstance(message)) toolCalls += message.tool_calls?.length ?? 0;
    }
    if (maxMessages > 0 && encoded.length > maxMessages) {
      throw new InvalidOptionError(
        "messages",
        `these are ${encoded.length}, and maxMessages keeps ${maxMessages}: they could not be stored whole.`,
      );
    }
    if (bytes > MAX_WRITE_BYTES) {
      throw new InvalidOptionError("messages", `together they take ${bytes} bytes; use at most 128 MiB a write.`);
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
   * Ends a turn that has parts, and nothing to add to them. One that is interrupted removes its parts, as long as no other
   * messages follow them.
   */
  async conclude(write: Pick<Batch, "operationId" | "lease" | "turn" | "ending">): Promise<void> {
    await this.log.append({ encoded: [], toolCalls: 0, ...write, seen: this.#seen });
  }

  /** Stores the newest messages that fit, and returns how many: 0 when something is stored, or was before a clear. */
  async appendFirst(messages: readonly BaseMessage[]): Promise<number> {
    const batch = this.encode(messages.slice(-(this.#limits.maxMessages || messages.length)));
    if (batch.encoded.length === 0) return 0;
    const appended = await this.log.append({ ...batch, operationId: newOperationId(), seen: EXPECT_NEW });
    return appended === undefined ? 0 : batch.encoded.length;
  }

  /** Removes all messages. A turn that is under way here stays fenced by the clear that it saw. */
  async clear(operationId: string): Promise<void> {
    const mark = await this.log.clear(operationId);
    if (!this.#inTurn && this.#seen !== NEVER_READ) this.#seen = mark;
    this.#era = { ...this.#era };
  }
}
