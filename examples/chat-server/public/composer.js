// The field for the next message, with what was begun in each conversation, and the button that sends or stops.
import { find } from "./dom.js";
import { MAX_MESSAGE, touches } from "./transcript.js";

/** The counter appears so near to the end. */
const NEAR_THE_END = 1_000;

export class Composer {
  #field = find("message");
  #conversation;
  #onSend;
  #onStop;
  /** Sent while the answer before is being stopped: it follows as soon as that has stopped. */
  #isNext = false;

  /** `onSend(text)` returns whether it was taken. */
  constructor({ onSend, onStop }) {
    this.#onSend = onSend;
    this.#onStop = onStop;
    this.#field.maxLength = MAX_MESSAGE;
    find("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("keydown", (event) => this.#onKey(event));
    this.#field.addEventListener("input", () => {
      this.#conversation.draft = this.#field.value;
      this.#count();
    });
    find("stop").addEventListener("click", () => this.#onStop());
  }

  focus() {
    this.#field.focus();
  }

  show(conversation) {
    this.#conversation = conversation;
    this.#isNext = false;
    this.#field.value = conversation.draft;
    this.#count();
    this.reflect();
  }

  /** What was taken back may be written anew, unless something else was begun. */
  offer(text) {
    if (this.#field.value === "") this.write(text);
    this.focus();
  }

  write(text) {
    this.#field.value = text;
    this.#conversation.draft = text;
    this.#count();
  }

  reflect() {
    const { turn, isBusy } = this.#conversation;
    const stopHadFocus = document.activeElement === find("stop");
    find("send").hidden = isBusy;
    find("stop").hidden = !isBusy;
    find("stop").setAttribute("aria-disabled", String(turn?.stopping === true));
    if (stopHadFocus && !isBusy) this.focus();
    if (!this.#isNext || isBusy) return;
    this.#isNext = false;
    // Not behind an answer that broke off instead: there is something to decide then.
    if (turn !== undefined && turn.state !== "ended") return;
    // Whoever shows the conversation is not done with it yet.
    queueMicrotask(() => this.#submit());
  }

  #onKey(event) {
    if (event.isComposing) return;
    if (event.key === "Escape" && this.#conversation.isBusy) {
      event.preventDefault();
      this.#onStop();
    }
    if (event.key !== "Enter" || event.shiftKey || touches()) return;
    event.preventDefault();
    find("composer").requestSubmit();
  }

  #submit() {
    const message = this.#field.value.trim();
    if (message === "" || message.length > MAX_MESSAGE) return;
    if (this.#conversation.isBusy) {
      this.#isNext = this.#conversation.turn.stopping;
      return;
    }
    // Before it is sent: a new conversation gets a draft of its own with its first message.
    this.write("");
    if (!this.#onSend(message)) this.write(message);
  }

  #count() {
    const left = MAX_MESSAGE - this.#field.value.length;
    const counter = find("message-counter");
    counter.hidden = left > NEAR_THE_END;
    find("message-hint").hidden = left <= NEAR_THE_END;
    counter.dataset.state = left > 0 ? "near" : "full";
    counter.textContent = counter.hidden ? "" : leftInWords(left);
  }
}

function leftInWords(left) {
  const count = new Intl.NumberFormat(document.documentElement.lang);
  if (left > 0) return `${count.format(left)} characters left`;
  if (left === 0) return `This is as long as a message can be: ${count.format(MAX_MESSAGE)} characters.`;
  return `${count.format(-left)} characters too long`;
}
