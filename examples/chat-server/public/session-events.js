// Listens for the end of this session and for changes of conversations, on whatever device. Comes back when the connection
// is lost: the service may be restarted.
import { ConnectionError, ProblemError } from "./api.js";
import { openStream } from "./server-sent-events.js";
import { pause } from "./wake.js";

const FIRST_DELAY = 250;
const MAX_DELAY = 5_000;

/**
 * Calls `onState("connected" | "reconnecting")`, and `onChanged(conversationId)` for a change. The end of the session is told
 * to `api`. Resolves when it is over.
 */
export async function listenToSession(api, { onState, onChanged }) {
  const over = new AbortController();
  api.addEventListener("over", () => over.abort(), { once: true });
  for (let delay = FIRST_DELAY; !over.signal.aborted; delay = Math.min(delay * 2, MAX_DELAY)) {
    try {
      for await (const { event, data, response } of openStream((signal) => opened(api, signal), over.signal)) {
        delay = FIRST_DELAY;
        if (response) onState("connected");
        else if (event === "changed") onChanged(data.conversationId);
        else if (event === "ended") api.sessionOver(data.reason);
      }
    } catch (error) {
      if (over.signal.aborted) return;
      // Anything but a lost connection and a service that is not well: a fault that a repetition would repeat.
      if (!(error instanceof ConnectionError || (error instanceof ProblemError && error.status >= 429))) throw error;
    }
    if (over.signal.aborted) return;
    onState("reconnecting");
    await pause(delay, over.signal);
  }
}

function opened(api, signal) {
  return api.open("GET", "/session/events", { headers: { Accept: "text/event-stream" }, signal });
}
