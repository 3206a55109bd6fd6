import type { ReplyFault, ReplyFaults } from "./reply-faults.js";
import { RespFramer } from "./resp-framer.js";

const SUBSCRIPTIONS = new Set(["", "P", "S"].flatMap((kind) => [`${kind}SUBSCRIBE`, `${kind}UNSUBSCRIBE`]));
// After these the server talks without being asked, or not even in RESP.
const STREAMS = new Set(["MONITOR", "PSYNC", "SYNC"]);

interface AwaitedReply {
  readonly fault: ReplyFault | undefined;
  /** Confirmed by push frames in RESP3, answered by a plain reply only when refused. */
  readonly subscription: boolean;
}

/** Where to cut a chunk of replies, and on behalf of which fault. */
export interface ReplyCut {
  readonly end: number;
  readonly fault: ReplyFault;
}

/** Knows, for one connection, which reply belongs to which request: first in, first out, push frames to none. */
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

  /** Names, in upper case, of the commands that are complete with this chunk. */
  commands(chunk: Buffer): readonly (readonly [name: string, firstArgument: string])[] {
    return this.#requests
      .feed(chunk)
      .filter((part) => part.ends)
      .map(({ words: [name = "", firstArgument = ""] }) => [name.toUpperCase(), firstArgument.toUpperCase()] as const)
      .filter(([name]) => name !== ""); // "*0" and an empty line are no requests
  }

  /** A request goes to the server now. */
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

  /** Replies have come from the server; says where to cut them, if a fault is due within. */
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

  /** The connection is over: faults that did not come to pass are due again elsewhere. */
  release(): void {
    for (const { fault } of this.#awaited.slice(this.#answered)) {
      if (fault !== undefined) this.#faults.release(fault);
    }
    this.#awaited = [];
    this.#answered = 0;
  }

  #complete(): void {
    // A counter instead of shift(), which is slow on the long queue of a big pipeline.
    this.#answered += 1;
    if (this.#answered >= this.#awaited.length) {
      this.#awaited = [];
      this.#answered = 0;
    }
  }
}
