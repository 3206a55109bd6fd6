// What somebody wrote and the service does not have yet: drafts, and messages that may not have arrived. Each conversation
// has its own. In localStorage: a tab that is closed or a browser that is restarted loses nothing, and all tabs see it.

const PREFIX = "chat.written.";

export class Written {
  #prefix;

  /** What another user left on this machine is removed. */
  constructor(userId) {
    this.#prefix = `${PREFIX}${encodeURIComponent(userId)}.`;
    forget((key) => !key.startsWith(this.#prefix));
  }

  static forgetAll() {
    forget(() => true);
  }

  draftOf(conversationId) {
    return this.#read("draft", conversationId) ?? "";
  }

  keepDraft(conversationId, text) {
    this.#write("draft", conversationId, text === "" ? undefined : text);
  }

  /** `[{ key, message, replaces, at }]`, oldest first. `key` names the message wherever it is sent from. */
  unsentOf(conversationId) {
    const kept = this.#read("unsent", conversationId);
    return Array.isArray(kept) ? kept : [];
  }

  keepUnsent(conversationId, message) {
    const others = this.unsentOf(conversationId).filter(({ key }) => key !== message.key);
    this.#write("unsent", conversationId, [...others, message]);
  }

  forgetUnsent(conversationId, key) {
    const before = this.unsentOf(conversationId);
    const others = before.filter((one) => one.key !== key);
    if (others.length === before.length) return;
    this.#write("unsent", conversationId, others.length === 0 ? undefined : others);
  }

  forgetConversation(conversationId) {
    for (const kind of ["draft", "unsent"]) this.#write(kind, conversationId, undefined);
  }

  /** Calls `changed(conversationId)` when another tab sent, took back or gave up a message. */
  onUnsentElsewhere(changed) {
    const prefix = `${this.#prefix}unsent.`;
    window.addEventListener("storage", ({ key }) => {
      if (key?.startsWith(prefix)) changed(key.slice(prefix.length));
    });
  }

  #read(kind, conversationId) {
    try {
      return JSON.parse(localStorage.getItem(`${this.#prefix}${kind}.${conversationId}`));
    } catch {
      return null;
    }
  }

  /** A full or forbidden storage loses a draft, and stops nobody from writing. */
  #write(kind, conversationId, value) {
    const key = `${this.#prefix}${kind}.${conversationId}`;
    try {
      if (value === undefined) localStorage.removeItem(key);
      else localStorage.setItem(key, JSON.stringify(value));
    } catch {}
  }
}

function forget(matches) {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX) && matches(key));
    for (const key of keys) localStorage.removeItem(key);
  } catch {}
}
