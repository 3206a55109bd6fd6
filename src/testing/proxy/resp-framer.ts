const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;

// Enough to tell a command from its subcommand; no payload is ever gathered.
const KEPT_WORDS = 2;
const KEPT_WORD_BYTES = 64;
// Far above what Redis accepts (512 MiB), far below where counting becomes inexact.
const MAX_LENGTH = 2 ** 48;

/** The part of one frame that lies in one chunk. */
export interface FramePart {
  /** Offsets in the chunk. */
  readonly start: number;
  readonly end: number;
  /** First byte of the frame, for example `">"` for a push; anything that is no RESP type is an inline command. */
  readonly type: string;
  /** Whether the frame begins, or ends, in this chunk. */
  readonly begins: boolean;
  readonly ends: boolean;
  /** On the last part: the first two bulk strings of the frame, or words of an inline command; long ones cut short. */
  readonly words: readonly string[];
}

type Reading =
  | "type" // of the next value
  | "line" // to its end: a value that is one line
  | "word" // the same, for an inline command
  | "length" // of a bulk payload or an aggregate
  | "payload"; // and the line end behind it

/**
 * Finds where RESP2 and RESP3 values begin and end in a stream that arrives in chunks of any size. Payloads are skipped
 * by their length and nothing is buffered, so the cost is that of the protocol lines, however large the values.
 *
 * Values of streamed length (`$?`, `*?`) are not known to it: Redis has never sent one.
 */
export class RespFramer {
  #reading: Reading = "type";
  /** Values still to come before the frame is complete; nesting needs no more than this count. */
  #missing = 0;
  #frameType = "";
  #valueType = "";
  #length = 0;
  #negative = false;
  #payload = 0;
  #words: string[] = [];
  #keepsPayload = false;
  #broken = false;

  /** The parts of frames in this chunk, in order and without gaps; none once the stream has stopped being RESP. */
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

  /** Reads one step from `at` on and returns where the next begins. */
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
      // Redis takes a line of words for a command, too; inside a value it would be no RESP at all.
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
      this.#completeValue(); // "$-1" and "*-1": null
    } else if ("$!=".includes(this.#valueType)) {
      this.#reading = "payload";
      this.#payload = this.#length + 2;
      this.#keepsPayload = this.#words.length < KEPT_WORDS;
      if (this.#keepsPayload) this.#words.push("");
    } else {
      const values = "%|".includes(this.#valueType) ? this.#length * 2 : this.#length;
      // An attribute stands in front of a value and is none itself.
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

  /** Adds to the word that was begun last, as far as it is kept. */
  #keep(chunk: Buffer, start: number, end: number): void {
    const index = this.#words.length - 1;
    const kept = this.#words[index] ?? "";
    const room = KEPT_WORD_BYTES - kept.length;
    if (room > 0 && end > start)
      this.#words[index] = kept + chunk.toString("latin1", start, Math.min(end, start + room));
  }
}
