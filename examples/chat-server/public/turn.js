// A question and the answer to it, from the moment in which it is sent until the service has told how it ended.
//
//   sending → running ⇄ lost → ended
//                            → waiting → running …      a person has to decide
//                            → interrupted → sending …  it can be asked again
//
// `lost`: the connection is gone, the answer is not. `ended`: what became of it is in the conversation.
import { addCall, addResult, addToText, textOf } from "./answer-parts.js";
import { ConnectionError, ProblemError } from "./api.js";
import { openStream } from "./server-sent-events.js";
import { pause } from "./wake.js";

const FIRST_DELAY = 250;
const MAX_DELAY = 5_000;
/** So often a message is sent by itself, under the same key, before somebody has to say so. */
const ATTEMPTS = 3;
const LIVE = new Set(["sending", "running", "lost"]);

export class Turn extends EventTarget {
  /** Names the question wherever it is sent from: it is in the conversation once, however often it arrives. */
  key;
  message;
  /** The position of the question that this one takes the place of. */
  replaces;
  /** Of the question in the conversation, once that is known. */
  position;
  startedAt;
  state = "sending";
  /** Of the answer, as in answer-parts.js. */
  parts = [];
  /** While it waits for a person: `[{ name, args, description }]` */
  approval;
  /** Why it was interrupted, in the service's words. */
  problem;
  /** Somebody pressed stop, and it has not stopped yet. */
  stopping = false;
  #api;
  #path;
  #over = new AbortController();
  /** What was there before the log that is followed began. */
  #before = [];
  #lastId;

  constructor(api, path, { key = newKey(), message, replaces, position, startedAt, state, approval }) {
    super();
    this.#api = api;
    this.#path = path;
    Object.assign(this, { key, message, replaces, position, approval });
    this.startedAt = startedAt ? new Date(startedAt) : new Date();
    if (state !== undefined) this.state = state;
  }

  /** It is on its way, or somewhere a model is writing. */
  get isLive() {
    return LIVE.has(this.state);
  }

  get text() {
    return textOf(this.parts);
  }

  /** Resolves with how it ended. @throws ProblemError, ConnectionError when the service did not take the question. */
  async send(agentId, conversationId) {
    this.parts = [];
    this.#before = [];
    this.problem = undefined;
    const { message, replaces } = this;
    return this.#run("sending", (signal) =>
      this.#api.open("POST", `/agents/${encodeURIComponent(agentId)}/chat`, {
        body: { message, conversationId, ...(replaces && { replaces }) },
        headers: { Accept: "text/event-stream", "Idempotency-Key": this.key },
        signal,
      }),
    );
  }

  /** Resolves with how it ended, whoever asked. */
  async follow() {
    return this.#run("running");
  }

  /** Lets a waiting answer go on. */
  async decide(approve) {
    this.#before = this.parts;
    return this.#run("sending", (signal) =>
      this.#api.open("POST", `${this.#path}/answer/decision`, {
        body: { operationId: this.key, approve },
        headers: { Accept: "text/event-stream" },
        signal,
      }),
    );
  }

  /** Whether something was running. */
  async stop() {
    this.stopping = true;
    this.#changed();
    try {
      const { stopped } = await this.#api.post(`${this.#path}/answer/stop`, { operationId: this.key });
      return stopped;
    } catch (error) {
      this.stopping = false;
      this.#changed();
      throw error;
    }
  }

  /** This page stops following it; the answer goes on. */
  leave() {
    this.#over.abort();
  }

  async #run(state, open) {
    // One that was left may be taken up again.
    this.#over.abort();
    this.#over = new AbortController();
    const over = this.#over.signal;
    this.#lastId = undefined;
    this.approval = undefined;
    this.#enter(state);
    let attempts = 0;
    for (let delay = FIRST_DELAY; !over.aborted; delay = Math.min(delay * 2, MAX_DELAY)) {
      try {
        for await (const happened of openStream(open ?? ((signal) => this.#events(signal)), over)) {
          if (happened.response) {
            if (happened.response.status === 204) return "unknown";
            // From here on the service has it, and tells how it goes on to whoever asks.
            if (open) this.#accepted();
            open = undefined;
            if (this.#lastId === undefined) this.parts = structuredClone(this.#before);
            this.#enter("running");
            continue;
          }
          if (happened.event === "comment") continue;
          delay = FIRST_DELAY;
          const end = this.#take(happened);
          if (end !== undefined) return end;
        }
      } catch (error) {
        if (over.aborted) break;
        const passes = error instanceof ConnectionError || (error instanceof ProblemError && error.status >= 500);
        if (open) {
          attempts++;
          if (!(error instanceof ConnectionError) || attempts === ATTEMPTS || !navigator.onLine) throw error;
        } else if (!passes && error.status !== 429) return "unknown";
      }
      if (!open) this.#enter("lost");
      await pause(delay, over);
    }
    return "left";
  }

  #events(signal) {
    const after = this.#lastId === undefined ? "" : `&after=${encodeURIComponent(this.#lastId)}`;
    const path = `${this.#path}/answer/events?operationId=${encodeURIComponent(this.key)}${after}`;
    return this.#api.open("GET", path, { headers: { Accept: "text/event-stream" }, signal });
  }

  #accepted() {
    this.dispatchEvent(new Event("accepted"));
    // Stop was pressed before there was anything to stop.
    if (this.stopping) void this.stop().catch(() => {});
  }

  /** Returns how the answer ended, with the last event. */
  #take({ event, data, id }) {
    if (id) this.#lastId = id;
    if (event === "end") return data.end;
    // The service ended the stream too early; the answer goes on.
    if (event === "error") throw new ConnectionError("The stream ended early.");
    if (event !== "message") return undefined;
    if (data.type === "text") addToText(this.parts, data.text);
    else if (data.type === "call") addCall(this.parts, data);
    else if (data.type === "result") addResult(this.parts, data);
    else if (data.type === "approval") this.approval = data.calls;
    else if (data.type === "problem") this.problem = this.#api.failed(data.problem);
    this.#progressed();
    return undefined;
  }

  #enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  #progressed() {
    this.dispatchEvent(new Event("progress"));
  }

  /** How it ended is known, or that it cannot be. */
  conclude(state) {
    this.stopping = false;
    this.#enter(state);
  }
}

function newKey() {
  // Over plain HTTP from another machine there is no randomUUID.
  return crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint32Array(4))].join("-");
}
