import type { BaseMessage } from "@langchain/core/messages";

/** The time between two clears of one history object. Each has an object of its own. */
export interface Era {
  /** The same in all eras of one history object. It stands for that object, which a message must not keep alive. */
  readonly history: object;
}

/** Returns the object that it is given, so that a class that extends it puts its private fields on that object. */
const Given = function (object: object): object {
  return object;
} as unknown as new (object: object) => object;

/**
 * A note on a message: which history handed it out, and in which era. Nobody else sees the note, and it goes with the
 * message. A WeakSet does the same, and takes longer (docs/benchmark.md).
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
   * @throws TypeError for a message that has a note. A history makes a message each time that it hands one out.
   */
  static note(message: BaseMessage, era: Era): void {
    void new Origin(message, era);
  }

  /** Returns the era in which a message was handed out, or `undefined` for a message of other origin. */
  static of(message: unknown): Era | undefined {
    return typeof message === "object" && message !== null && #era in message ? message.#era : undefined;
  }
}
