// The conversation in the middle: what was said, the field for the next message, and the turn that is on its way.
import { inWords } from "./api.js";
import { element, find } from "./dom.js";
import { draft, shown, unsent } from "./kept.js";
import { announce, announceAtOnce, notice } from "./speaking.js";
import { storedMessages } from "./transcript.js";
import { Turn } from "./turn.js";

const PAGE = 50;
/** So near to its end somebody follows the conversation. */
const NEAR_THE_END = 80;

export class Chat {
  #api;
  #agentId;
  #onStored;
  #conversationId;
  /** By conversation: answers go on to arrive while another one is looked at. */
  #turns = new Map();
  /** Whether the end of the conversation is looked at. */
  #follows = true;
  #scroller = find("transcript");
  #log = find("messages");
  #field = find("message");

  constructor({ api, agentId, onStored }) {
    this.#api = api;
    this.#agentId = agentId;
    this.#onStored = onStored;
    find("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#field.addEventListener("input", () => draft.write(this.#field.value));
    this.#field.value = draft.read() ?? "";
    this.#scroller.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    find("stop").addEventListener("click", () => this.#turn?.stop());
    find("earlier").addEventListener("click", (event) => this.#showEarlier(Number(event.target.dataset.before)));
    for (const suggestion of find("suggestions").querySelectorAll("button")) {
      suggestion.addEventListener("click", () => this.#send({ message: suggestion.textContent }));
    }
    api.addEventListener("over", () => this.#breakOff());
  }

  get conversationId() {
    return this.#conversationId;
  }

  focus() {
    this.#field.focus();
  }

  /** The session is over: what was on its way is not stored, and may be sent again after signing in. */
  #breakOff() {
    for (const turn of this.#turns.values()) {
      if (turn.state !== "arriving") continue;
      turn.stop();
      this.#keep(turn);
    }
  }

  #keep({ conversationId, message, key }) {
    unsent.write({ conversationId, message, key });
  }

  /** `beginning`: it has no messages yet, so there is nothing to ask for. */
  async show(conversationId, { beginning = false } = {}) {
    this.#conversationId = conversationId;
    shown.write({ conversationId });
    this.#log.replaceChildren();
    this.#showPage({ messages: [], next: null });
    this.#scroller.setAttribute("aria-busy", "true");
    const page = beginning ? { messages: [], next: null } : await this.#page(conversationId);
    // Another one was opened meanwhile.
    if (this.#conversationId !== conversationId) return;
    this.#scroller.setAttribute("aria-busy", "false");
    this.#showPage(page);
    const { conversationId: where, ...failed } = unsent.read() ?? {};
    if (where === conversationId && !this.#turns.has(where))
      this.#add(new Turn({ ...failed, conversationId }), "failed");
    this.#log.append(...(this.#turn?.elements ?? []));
    this.#reflect();
    this.#scrollToEnd();
  }

  async #page(conversationId, before) {
    const cursor = before === undefined ? "" : `&before=${before}`;
    try {
      return await this.#api.get(
        `/conversations/${encodeURIComponent(conversationId)}/messages?limit=${PAGE}${cursor}`,
      );
    } catch (error) {
      // One without messages does not exist yet.
      if (error.code !== "CONVERSATION_NOT_FOUND" && !error.isSessionOver) {
        notice(`The messages cannot be shown. ${inWords(error)}`, {
          action: { label: "Try again", run: () => this.show(conversationId) },
        });
      }
      return { messages: [], next: null };
    }
  }

  #showPage({ messages, next }) {
    this.#log.prepend(...storedMessages(messages));
    find("earlier").hidden = next === null;
    find("earlier").dataset.before = next ?? "";
    this.#reflect();
  }

  async #showEarlier(before) {
    const conversationId = this.#conversationId;
    const first = this.#log.firstElementChild;
    const page = await this.#page(conversationId, before);
    if (this.#conversationId !== conversationId) return;
    const height = this.#scroller.scrollHeight;
    this.#showPage(page);
    this.#scroller.scrollTop += this.#scroller.scrollHeight - height;
    announce(`${page.messages.length} earlier messages.`);
    if (find("earlier").hidden && first) this.#scroller.focus({ preventScroll: true });
  }

  get #turn() {
    return this.#turns.get(this.#conversationId);
  }

  #onKey(event) {
    const sends = event.key === "Enter" && !event.shiftKey && !event.isComposing;
    // On a touch screen Enter is how one begins a line.
    if (!sends || matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
    find("composer").requestSubmit();
  }

  #submit() {
    const message = this.#field.value.trim();
    if (message === "" || this.#turn?.state === "arriving") return;
    this.#field.value = "";
    draft.forget();
    this.#send({ message });
  }

  #send({ message }) {
    const failed = this.#turn;
    if (failed) this.#discard(failed);
    const turn = new Turn({ message, conversationId: this.#conversationId });
    this.#add(turn, "arriving");
    this.#log.append(...turn.elements);
    this.#scrollToEnd();
    this.focus();
    void this.#run(turn);
  }

  #add(turn, state) {
    this.#turns.set(turn.conversationId, turn);
    turn.state = state;
    if (state === "failed") this.#showFailure(turn, "This message may not have arrived.");
  }

  async #run(turn) {
    unsent.forget();
    this.#reflect();
    announce("The agent is answering.");
    await turn.run(this.#api, this.#agentId, () => this.#follow(turn));
    if (turn.state === "failed") {
      this.#keep(turn);
      if (!turn.error.isSessionOver) this.#showFailure(turn, inWords(turn.error));
    } else {
      this.#turns.delete(turn.conversationId);
      if (turn.state === "answered") announce(`The agent answered: ${turn.answer.text}`);
      if (turn.state === "stopped") announce("Stopped. What was answered so far is kept.");
      if (turn.state === "stored-before" && turn.conversationId === this.#conversationId) {
        await this.show(turn.conversationId);
      }
    }
    this.#reflect();
    this.#follow(turn);
    this.#onStored(turn.conversationId);
  }

  #showFailure(turn, text) {
    const retry = () => {
      this.focus();
      void this.#run(turn);
    };
    const discard = () => {
      this.#discard(turn);
      if (this.#field.value === "") this.#field.value = turn.message;
      this.focus();
    };
    turn.answer.failed(
      text,
      element("button", { type: "button", class: "link", on: { click: retry } }, "Try again"),
      element("button", { type: "button", class: "link", on: { click: discard } }, "Take it back"),
    );
    announceAtOnce(`Your message was not answered. ${text}`);
  }

  #discard(turn) {
    unsent.forget();
    turn.remove();
    this.#turns.delete(turn.conversationId);
    this.#reflect();
  }

  #reflect() {
    const arriving = this.#turn?.state === "arriving";
    const stopHadFocus = document.activeElement === find("stop");
    find("send").hidden = arriving;
    find("stop").hidden = !arriving;
    if (stopHadFocus && !arriving) this.focus();
    const loading = this.#scroller.getAttribute("aria-busy") === "true";
    find("beginning").hidden = loading || this.#log.childElementCount > 0 || this.#turn !== undefined;
  }

  #onScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
  }

  /** Whoever has scrolled up to read is left there. */
  #follow(turn) {
    if (turn.conversationId === this.#conversationId && this.#follows) this.#scrollToEnd();
  }

  #scrollToEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }
}
