// Listens for the end of this session, and comes back when the connection is lost: the service may be restarted.
import { ConnectionError, ProblemError } from "./api.js";
import { serverSentEvents } from "./server-sent-events.js";

const FIRST_DELAY = 250;
const MAX_DELAY = 5_000;
/** The service sends a sign of life more often than this. */
const SILENCE = 60_000;

/** Calls `onState("connected" | "reconnecting")`; the end of the session is told to `api`. Resolves when it is over. */
export async function listenForTheEnd(api, onState) {
  const over = new AbortController();
  api.addEventListener("over", () => over.abort(), { once: true });
  for (let delay = FIRST_DELAY; !over.signal.aborted; delay = Math.min(delay * 2, MAX_DELAY)) {
    try {
      for await (const { event, data } of openStream(api)) {
        delay = FIRST_DELAY;
        if (event === "opened") onState("connected");
        if (event === "ended") api.sessionOver(data.reason);
      }
    } catch (error) {
      if (over.signal.aborted) return;
      // Anything but a lost connection and a service that is not well: a fault that a repetition would repeat.
      if (!(error instanceof ConnectionError || (error instanceof ProblemError && error.status >= 429))) throw error;
    }
    if (over.signal.aborted) return;
    onState("reconnecting");
    await pause(delay);
  }
}

async function* openStream(api) {
  const silence = new AbortController();
  let timer;
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(new ConnectionError("Nothing was heard.")), SILENCE);
  };
  try {
    heard();
    const { body } = await api.open("GET", "/session/events", {
      headers: { Accept: "text/event-stream" },
      signal: silence.signal,
    });
    yield { event: "opened" };
    for await (const happened of serverSentEvents(body)) {
      heard();
      yield happened;
    }
  } catch (error) {
    throw error instanceof ProblemError ? error : new ConnectionError("The connection was lost.", { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Cut short when the machine is online again, or the page is looked at. */
function pause(milliseconds) {
  const { promise, resolve } = Promise.withResolvers();
  const timer = setTimeout(() => resolve(), milliseconds * (0.75 + Math.random() / 2));
  const onVisibility = () => document.hidden || resolve();
  window.addEventListener("online", resolve);
  document.addEventListener("visibilitychange", onVisibility);
  return promise.finally(() => {
    clearTimeout(timer);
    window.removeEventListener("online", resolve);
    document.removeEventListener("visibilitychange", onVisibility);
  });
}
