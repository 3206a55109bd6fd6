import type { BaseMessage } from "@langchain/core/messages";

/** The time between two clears of one history object: each has another. */
export interface Era {
  /** The same in all of that object's eras. It stands for the object, which a message must not keep alive. */
  readonly history: object;
}

/** Gives back the object it is given, so that the private fields of a class that extends it are put on that object. */
const Given = function (object: object): object {
  return object;
} as unknown as new (object: object) => object;

/**
 * Notes on a message which history handed it out, and when. Nobody else sees it, and it goes when the message goes. A
 * WeakSet does the same, in more time (docs/benchmark.md).
 */
export class Origin extends Given {
  readonly #era: Era;

  private constructor(message: BaseMessage, era: Era) {
    super(message);
    this.#era = era;
  }

  /** @throws TypeError for a message that has a note: each is handed out once, being made for it. */
  static note(message: BaseMessage, era: Era): void {
    void new Origin(message, era);
  }

  static of(message: unknown): Era | undefined {
    return typeof message === "object" && message !== null && #era in message ? message.#era : undefined;
  }
}
