import type { Channels } from "./channels.js";

/** What a turn does that may have to stop. */
export interface StopListener {
  /** Called when a message tells that the turn has to stop. */
  readonly stop: (reason: "stop" | "superseded") => void;
  /** Asks Redis. Called each time that the subscription stands anew: what was published before went unheard. */
  readonly ask: () => void;
}

/** Listens to whether the turn of this token has to stop. Returns a function that ends this. */
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
