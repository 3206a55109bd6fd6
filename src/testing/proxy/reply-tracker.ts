import type { ReplyFault, ReplyFaults } from "./reply-faults.js";
import { RespFramer } from "./resp-framer.js";

const SUBSCRIPTIONS = new Set(["", "P", "S"].flatMap((kind) => [`${kind}SUBSCRIBE`, `${kind}UNSUBSCRIBE`]));
// After these commands, the server sends data without requests, or data that is not RESP.
const STREAMS = new Set(["MONITOR", "PSYNC", "SYNC"]);

interface AwaitedReply {
  readonly fault: ReplyFault | undefined;
  /**
   * Whether the request is a subscription. RESP3 confirms it by a push frame, and sends a plain reply only to refuse
   * it.
   */
  readonly subscription: boolean;
}

/** A cut in a chunk of replies, and the fault that demands it. */
export interface ReplyCut {
  /** The number of bytes of the chunk that pass. */
  readonly end: number;
  readonly fault: ReplyFault;
}

/** Matches the replies of one connection to its requests, in order. Push frames belong to no request. */
export class ReplyTracker {
  readonly #faults: ReplyFaults;
  readonly #requests = new RespFramer();
  readonly #replies = new RespFramer();
  #awaited: AwaitedReply[] = [];
  #answered = 0;
  #passedBytes = 0;
  #speaksResp3 = false;
  #following = true;

  constructor(faults: ReplyFaults) {
    this.#faults = faults;
  }

  /** Returns the commands that end in this chunk, in upper case. */
  commands(chunk: Buffer): readonly (readonly [name: string, firstArgument: string])[] {
    return this.#requests
      .feed(chunk)
      .filter((part) => part.ends)
      .map(({ words: [name = "", firstArgument = ""] }) => [name.toUpperCase(), firstArgument.toUpperCase()] as const)
      .filter(([name]) => name !== ""); // "*0" and an empty line are not requests.
  }

  /** Records that a request is sent to the server. */
  sent([name, firstArgument]: readonly [name: string, firstArgument: string]): void {
    const subscription = SUBSCRIPTIONS.has(name);
    if (name === "HELLO") this.#speaksResp3 = firstArgument === "3";
    if (STREAMS.has(name) || (name === "CLIENT" && firstArgument === "REPLY") || (subscription && !this.#speaksResp3)) {
      this.#following = false;
      this.release();
    }
    if (!this.#following) return;
    this.#awaited.push({ subscription, fault: subscription ? undefined : this.#faults.assign(name) });
  }

  /** Records replies of the server. Returns where to cut them, or `undefined` if no fault applies. */
  received(chunk: Buffer): ReplyCut | undefined {
    if (!this.#following) return undefined;
    for (const part of this.#replies.feed(chunk)) {
      const awaited = this.#awaited[this.#answered];
      if (part.type === ">") {
        const confirms = part.ends && SUBSCRIPTIONS.has((part.words[0] ?? "").toUpperCase());
        if (confirms && awaited?.subscription === true) this.#complete();
        continue;
      }
      const fault = awaited?.fault;
      if (fault !== undefined && this.#faults.isActive(fault)) {
        if (part.begins) this.#passedBytes = 0;
        const size = part.end - part.start;
        const room = fault.passedBytes - this.#passedBytes;
        if (room <= size || part.ends) {
          this.#complete();
          return { end: part.start + Math.min(room, size), fault };
        }
        this.#passedBytes += size;
      }
      if (part.ends) this.#complete();
    }
    return undefined;
  }

  /** Returns the assigned faults that did not happen, so that they apply to other requests. */
  release(): void {
    for (const { fault } of this.#awaited.slice(this.#answered)) {
      if (fault !== undefined) this.#faults.release(fault);
    }
    this.#awaited = [];
    this.#answered = 0;
  }

  #complete(): void {
    // Uses a counter, because shift() is slow on the long queue of a large pipeline.
    this.#answered += 1;
    if (this.#answered >= this.#awaited.length) {
      this.#awaited = [];
      this.#answered = 0;
    }
  }
}
