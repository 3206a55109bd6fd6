// Listens for the end of this session and for changes of conversations, on whatever device. Comes back when the connection
// is lost: the service may be restarted. A tab that is not looked at lets its stream go: over HTTP/1.1 a browser has six
// connections to a service, for all of its tabs together, and with one stream in each the seventh tab would load nothing.
import { ConnectionError, ProblemError } from "./api.js";
import { openStream } from "./server-sent-events.js";
import { onLeft, pause, untilVisible } from "./wake.js";

const FIRST_DELAY = 250;
const MAX_DELAY = 5_000;
/** Whoever looks at another tab for no longer than this comes back to a stream that is still open. */
const LEFT_AFTER = 3_000;

/**
 * Calls `onState("connected" | "reconnecting")`, and `onChanged(conversationId)` for a change; without an id, changes may
 * have been missed. The end of the session is told to `api`. Resolves when it is over.
 */
export async function listenToSession(api, { onState, onChanged }) {
  const over = new AbortController();
  api.addEventListener("over", () => over.abort(), { once: true });
  let delay = FIRST_DELAY;
  let wasLeft = false;
  for (;;) {
    await untilVisible(over.signal);
    if (over.signal.aborted) return;
    const left = new AbortController();
    const stop = onLeft(LEFT_AFTER, () => left.abort());
    try {
      const until = AbortSignal.any([over.signal, left.signal]);
      for await (const { event, data, response } of openStream((signal) => opened(api, signal), until)) {
        delay = FIRST_DELAY;
        if (response) {
          onState("connected");
          if (wasLeft) onChanged(undefined);
          wasLeft = false;
        } else if (event === "changed") onChanged(data.conversationId);
        else if (event === "ended") api.sessionOver(data.reason);
      }
    } catch (error) {
      if (over.signal.aborted) return;
      // Anything but a lost connection and a service that is not well: a fault that a repetition would repeat.
      const passes = error instanceof ConnectionError || (error instanceof ProblemError && error.status >= 429);
      if (!passes && !left.signal.aborted) throw error;
    } finally {
      stop();
    }
    if (left.signal.aborted) {
      wasLeft = true;
      continue;
    }
    if (over.signal.aborted) return;
    onState("reconnecting");
    await pause(delay, over.signal);
    delay = Math.min(delay * 2, MAX_DELAY);
  }
}

function opened(api, signal) {
  return api.open("GET", "/session/events", { headers: { Accept: "text/event-stream" }, signal });
}
