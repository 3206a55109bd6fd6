const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

// Keeps a command and its subcommand, and no other payload.
const KEPT_WORDS = 2;
const KEPT_WORD_BYTES = 64;
// Far above the 512 MiB that Redis accepts, and far below the largest exact integer.
const MAX_LENGTH = 2 ** 48;

/** The part of one frame that lies in one chunk. */
export interface FramePart {
  /** The offset in the chunk at which the part begins. */
  readonly start: number;
  /** The offset in the chunk after the part. */
  readonly end: number;
  /**
   * The first byte of the frame, for example `">"` for a push. A byte that is not a RESP type begins an inline command.
   */
  readonly type: string;
  /** Whether the frame begins in this chunk. */
  readonly begins: boolean;
  /** Whether the frame ends in this chunk. */
  readonly ends: boolean;
  /**
   * In the last part of a frame: its first two bulk strings, or the first two words of an inline command. Long
   * ones are truncated. Empty in other parts.
   */
  readonly words: readonly string[];
}

type Reading =
  | "type" // the first byte of the next value
  | "line" // a value of one line, to its end
  | "word" // an inline command, to the end of its line
  | "length" // the length of a bulk payload or an aggregate
  | "payload"; // a bulk payload and the line end after it

/**
 * Finds where RESP2 and RESP3 values begin and end in a stream that arrives in chunks of any size. The framer skips
 * payloads by their length and buffers nothing, so its cost depends on the number of protocol lines, not on the size of
 * the values.
 *
 * Values of streamed length (`$?`, `*?`) are not supported. Redis does not send them.
 */
export class RespFramer {
  #reading: Reading = "type";
  /** The number of values until the frame is complete. This count is all that nested values need. */
  #missing = 0;
  #frameType = "";
  #valueType = "";
  #length = 0;
  #negative = false;
  #payload = 0;
  #words: string[] = [];
  #keepsPayload = false;
  #broken = false;

  /** Returns the parts of frames in this chunk, in order and without gaps. Returns no more parts after invalid RESP. */
  feed(chunk: Buffer): readonly FramePart[] {
    const parts: FramePart[] = [];
    let start = 0;
    let begins = false;
    let at = 0;
    while (at < chunk.length && !this.#broken) {
      if (this.#missing === 0) {
        this.#missing = 1;
        this.#frameType = String.fromCharCode(chunk[at] ?? 0);
        this.#words = [];
        start = at;
        begins = true;
      }
      at = this.#read(chunk, at);
      if (this.#missing === 0) {
        parts.push({ start, end: at, type: this.#frameType, begins, ends: true, words: this.#words });
        start = at;
        begins = false;
      }
    }
    if (start < chunk.length && !this.#broken) {
      parts.push({ start, end: chunk.length, type: this.#frameType, begins, ends: false, words: [] });
    }
    return parts;
  }

  /** Reads one step at the offset `at` and returns the offset of the next step. */
  #read(chunk: Buffer, at: number): number {
    if (this.#reading === "type") return this.#readType(chunk, at);
    if (this.#reading === "length") return this.#readLength(chunk, at);
    if (this.#reading === "payload") return this.#readPayload(chunk, at);
    return this.#readLine(chunk, at);
  }

  #readType(chunk: Buffer, at: number): number {
    this.#valueType = String.fromCharCode(chunk[at] ?? 0);
    if ("+-:_,#(".includes(this.#valueType)) {
      this.#reading = "line";
    } else if ("$!=*~>%|".includes(this.#valueType)) {
      this.#reading = "length";
      this.#length = 0;
      this.#negative = false;
    } else {
      // Redis also accepts a line of words as a command. Inside a value, such a line is not valid RESP.
      this.#broken = this.#valueType !== this.#frameType;
      this.#reading = "word";
      this.#words.push("");
      return at;
    }
    return at + 1;
  }

  #readLine(chunk: Buffer, at: number): number {
    const lineFeed = chunk.indexOf(LINE_FEED, at);
    const end = lineFeed === -1 ? chunk.length : lineFeed;
    if (this.#reading === "word") this.#keep(chunk, at, end);
    if (lineFeed === -1) return end;
    if (this.#reading === "word") this.#words = (this.#words[0] ?? "").trim().split(/\s+/).slice(0, KEPT_WORDS);
    this.#completeValue();
    return lineFeed + 1;
  }

  #readLength(chunk: Buffer, at: number): number {
    const byte = chunk[at] ?? 0;
    if (byte >= ZERO && byte <= NINE) this.#length = this.#length * 10 + (byte - ZERO);
    else if (byte === MINUS) this.#negative = true;
    else if (byte === LINE_FEED) this.#endLength();
    else if (byte !== CARRIAGE_RETURN) this.#broken = true;
    if (this.#length > MAX_LENGTH) this.#broken = true;
    return at + 1;
  }

  #endLength(): void {
    if (this.#negative) {
      this.#completeValue(); // "$-1" and "*-1" are null.
    } else if ("$!=".includes(this.#valueType)) {
      this.#reading = "payload";
      this.#payload = this.#length + 2;
      this.#keepsPayload = this.#words.length < KEPT_WORDS;
      if (this.#keepsPayload) this.#words.push("");
    } else {
      const values = "%|".includes(this.#valueType) ? this.#length * 2 : this.#length;
      // An attribute precedes a value and does not count as a value itself.
      this.#missing += this.#valueType === "|" ? values : values - 1;
      this.#reading = "type";
    }
  }

  #readPayload(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#payload);
    // The last two bytes are the line end.
    if (this.#keepsPayload) this.#keep(chunk, at, Math.min(end, at + this.#payload - 2));
    this.#payload -= end - at;
    if (this.#payload === 0) this.#completeValue();
    return end;
  }

  #completeValue(): void {
    this.#missing -= 1;
    this.#reading = "type";
  }

  /** Adds bytes to the last word, up to its maximum length. */
  #keep(chunk: Buffer, start: number, end: number): void {
    const index = this.#words.length - 1;
    const kept = this.#words[index] ?? "";
    const room = KEPT_WORD_BYTES - kept.length;
    if (room > 0 && end > start)
      this.#words[index] = kept + chunk.toString("latin1", start, Math.min(end, start + room));
  }
}
