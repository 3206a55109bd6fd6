// Server-sent events out of a fetch response: EventSource can neither POST nor tell why it was refused.
import { ConnectionError, ProblemError } from "./api.js";
import { onWake } from "./wake.js";

/** The service sends a sign of life every 15 seconds. */
const SILENCE = 30_000;
/** After a wake, so much silence is enough to doubt the connection. */
const DOUBT = 17_000;

/**
 * Opens a stream and yields `{ response }` first, then `{ event, data, id }`, then comments as `{ event: "comment" }`. A
 * connection that is silent for too long counts as lost, because one that broke without a FIN stays silent for good.
 *
 * @throws ProblemError, ConnectionError; what an abort throws is passed on.
 */
export async function* openStream(open, signal) {
  const silence = new AbortController();
  const lost = () => silence.abort(new ConnectionError("Nothing was heard."));
  let heardAt = Date.now();
  let timer = setTimeout(lost, SILENCE);
  const heard = () => {
    heardAt = Date.now();
    clearTimeout(timer);
    timer = setTimeout(lost, SILENCE);
  };
  const stopWaking = onWake(({ online }) => {
    if (online || Date.now() - heardAt > DOUBT) lost();
  });
  try {
    const response = await open(AbortSignal.any([silence.signal, signal]));
    heard();
    yield { response };
    if (response.body === null) return;
    for await (const happened of serverSentEvents(response.body)) {
      heard();
      yield happened;
    }
  } catch (error) {
    if (signal.aborted || error instanceof ProblemError) throw error;
    throw new ConnectionError("The connection was lost.", { cause: error });
  } finally {
    clearTimeout(timer);
    stopWaking();
  }
}

async function* serverSentEvents(body) {
  let event = "message";
  let data = [];
  let id;
  for await (const line of linesOf(body)) {
    if (line === "") {
      if (data.length > 0) yield { event, data: JSON.parse(data.join("\n")), id };
      event = "message";
      data = [];
      id = undefined;
      continue;
    }
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/su.exec(line) ?? [];
    if (field === "") yield { event: "comment" };
    else if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id") id = value;
  }
}

async function* linesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      // A line feed completes a line; a carriage return before it belongs to the ending.
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) yield line.replace(/\r$/u, "");
    }
  } finally {
    // However the reader was left: without this the server would write to nobody.
    await reader.cancel().catch(() => {});
  }
}
