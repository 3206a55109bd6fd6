import type { Channels } from "./channels.js";

/** The reactions of a turn that may have to stop. */
export interface StopListener {
  /** Called when a message says that the turn has to stop. */
  readonly stop: (reason: "stop" | "superseded") => void;
  /**
   * Asks Redis whether the turn has to stop. Called each time the subscription has been established, because the turn
   * has missed earlier messages.
   */
  readonly ask: () => void;
}

/** Listens for messages that the turn with this token has to stop. Returns a function that ends the listening. */
export function listenToStop(
  channels: Channels,
  channel: string,
  token: string,
  { stop, ask }: StopListener,
): () => void {
  return channels.listen(channel, {
    onMessage: (message) => {
      const [word, target, reason] = message.split(" ");
      if (word === "stop" && target === token) stop(reason === "superseded" ? "superseded" : "stop");
    },
    onSubscribed: ask,
  });
}
