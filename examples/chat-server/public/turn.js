// One message and the answer to it, on its way.
import { ConnectionError, ProblemError } from "./api.js";
import { serverSentEvents } from "./server-sent-events.js";
import { Answer, messageFromYou } from "./transcript.js";

export class Turn {
  /** Whoever sends the message again sends the same key: it is stored once, however often it arrives. */
  key;
  message;
  conversationId;
  /** `arriving`, `answered`, `stopped`, `failed`; `stored-before`: the service has it from an earlier attempt */
  state = "arriving";
  error;
  answer = new Answer();
  #question;
  #stopping;

  constructor({ message, conversationId, key = newKey() }) {
    Object.assign(this, { message, conversationId, key });
    this.#question = messageFromYou(message);
  }

  get elements() {
    return [this.#question, this.answer.element];
  }

  stop() {
    this.#stopping.abort();
  }

  remove() {
    for (const shown of this.elements) shown.remove();
  }

  /** May be called again after a failure. `onText` after each piece. */
  async run(api, agentId, onText) {
    this.state = "arriving";
    this.#stopping = new AbortController();
    this.answer.clear();
    this.answer.arrives = true;
    try {
      await this.#receive(api, agentId, onText);
      this.state = "answered";
      this.answer.at(new Date());
    } catch (error) {
      this.error = error;
      if (this.#stopping.signal.aborted) {
        this.state = "stopped";
        this.answer.at(new Date());
        this.answer.stopped();
      } else this.state = error.code === "OPERATION_CONFLICT" ? "stored-before" : "failed";
    }
    this.answer.arrives = false;
  }

  async #receive(api, agentId, onText) {
    const { body } = await api.open("POST", `/agents/${encodeURIComponent(agentId)}/chat`, {
      body: { message: this.message, conversationId: this.conversationId },
      headers: { Accept: "text/event-stream", "Idempotency-Key": this.key },
      signal: this.#stopping.signal,
    });
    try {
      for await (const { event, data } of serverSentEvents(body)) {
        if (event === "token") this.answer.say(data.text);
        else if (event === "tool") this.answer.used(data.name, data.text);
        else if (event === "problem") {
          // An answer that could not be stored comes with the problem: it may be read all the same.
          if (data.response) this.answer.replace(data.response);
          throw api.failed(data);
        } else if (event === "done") {
          api.dispatchEvent(new Event("activity"));
          if (this.answer.text === "") this.answer.replace(data.response);
          return;
        }
        onText();
      }
    } catch (error) {
      if (error instanceof ProblemError || this.#stopping.signal.aborted) throw error;
      throw new ConnectionError("The connection was lost.", { cause: error });
    }
    // It is over when the service says so, not when nothing more comes.
    throw new ConnectionError("The answer broke off.");
  }
}

function newKey() {
  // Over plain HTTP from another machine there is no randomUUID.
  return crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint32Array(4))].join("-");
}
