// The conversations that this page has looked at. Answers go on to arrive while another one is shown.
import { Conversation } from "./conversation.js";

/** So many are kept when they are not shown; one that is come back to is there at once. */
const MOST = 20;

/** Passes on `begun` and `emptied`, with the `conversation`, and with the `message` that was taken back. */
export class OpenConversations extends EventTarget {
  #parts;
  /** The one that was taken last is at the end. */
  #byId = new Map();
  #beginning;

  constructor(parts) {
    super();
    this.#parts = parts;
  }

  get(id) {
    return this.#byId.get(id);
  }

  take(id) {
    const conversation = this.#byId.get(id) ?? this.#made({ id });
    this.#keep(conversation);
    return conversation;
  }

  /** One that is to begin; the same one until it has. */
  begin() {
    if (this.#beginning?.isNew !== true) this.#beginning = this.#made({ isNew: true });
    return this.#beginning;
  }

  forget(id) {
    this.#byId.get(id)?.leave();
    this.#byId.delete(id);
  }

  /** It changed, here or elsewhere. */
  changed(id) {
    return this.#byId.get(id)?.refresh();
  }

  /** What is known may be out of date. One that is not shown is asked for again when it is. */
  doubt(shown) {
    for (const conversation of this.#byId.values()) {
      // One whose answer is being followed is told by that.
      if (!conversation.isBusy && (conversation === shown || conversation.turn !== undefined))
        void conversation.refresh();
    }
  }

  leave() {
    for (const conversation of this.#byId.values()) conversation.leave();
  }

  #made(wanted) {
    const conversation = new Conversation({ ...this.#parts, ...wanted });
    const passOn = (name, more) => this.dispatchEvent(new CustomEvent(name, { detail: { conversation, ...more } }));
    conversation.addEventListener("begun", () => {
      this.#keep(conversation);
      passOn("begun");
    });
    conversation.addEventListener("emptied", ({ detail: message }) => passOn("emptied", { message }));
    return conversation;
  }

  #keep(conversation) {
    this.#byId.delete(conversation.id);
    this.#byId.set(conversation.id, conversation);
    for (const [id, other] of this.#byId) {
      if (this.#byId.size <= MOST) return;
      if (!other.isBusy && other !== conversation) this.forget(id);
    }
  }
}
