import type { BaseMessage } from "@langchain/core/messages";

/** The time between two clears of one history object. Each era is an object of its own. */
export interface Era {
  /** The same in all eras of one history object. Stands in for that object, which a message must not keep alive. */
  readonly history: object;
}

/** Returns its argument, so that a class that extends it adds its private fields to that object. */
const Given = function (object: object): object {
  return object;
} as unknown as new (object: object) => object;

/**
 * A note on a message: the history that returned it, and the era. The note is a private field of the message, so no other
 * code sees it, and it is dropped with the message. A WeakSet does the same, but takes longer (docs/benchmark.md).
 */
export class Origin extends Given {
  readonly #era: Era;

  private constructor(message: BaseMessage, era: Era) {
    super(message);
    this.#era = era;
  }

  /**
   * Puts a note on a message.
   *
   * @throws TypeError for a message that already has a note. That does not happen, because a history returns new objects.
   */
  static note(message: BaseMessage, era: Era): void {
    void new Origin(message, era);
  }

  /** Returns the era in which a history returned the message, or `undefined` for a message without a note. */
  static of(message: unknown): Era | undefined {
    return typeof message === "object" && message !== null && #era in message ? message.#era : undefined;
  }
}
