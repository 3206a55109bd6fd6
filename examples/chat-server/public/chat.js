// The conversation in the middle: what was said, and the answer that is being written. It shows one conversation and keeps
// nothing of it: what there is to show is in conversation.js.
import { inWords } from "./api.js";
import { Composer } from "./composer.js";
import { arrange, find } from "./dom.js";
import { whyNotAnswered } from "./problem-words.js";
import { announce, announceAtOnce, notice } from "./speaking.js";
import { inToolWords } from "./tools-in-words.js";
import { AnswerView, QuestionView } from "./transcript.js";

/** So near to its end somebody follows the conversation. */
const NEAR_THE_END = 80;
/** What arrives is shown so often: more than that nobody can read. */
const FRAME = 40;
const GO_ON = "Please go on.";

export class Chat {
  #conversation;
  /** By the keys of items. */
  #views = new Map();
  /** The last answer, and whether it can be asked again. */
  #last;
  /** Whether the end of the conversation is looked at. */
  #follows = true;
  #frame;
  #onChanged;
  #leave = new AbortController();
  #scroller = find("transcript");
  #log = find("messages");
  #composer = new Composer({ onSend: (message) => this.#conversation.send(message), onStop: () => this.#stop() });

  /** `onChanged`, when the conversation that is shown is another one, or not what it was. */
  constructor({ onChanged }) {
    this.#onChanged = onChanged;
    this.#scroller.addEventListener("scroll", () => this.#onScroll(), { passive: true });
    find("to-end").addEventListener("click", () => {
      this.#scrollToEnd();
      this.focus();
    });
    find("earlier").addEventListener("click", () => this.#showEarlier());
    find("load-again").addEventListener("click", () => this.#conversation.refresh());
    for (const suggestion of find("suggestions").querySelectorAll("button")) {
      suggestion.addEventListener("click", () => this.#conversation.send(suggestion.textContent));
    }
    // What is above the field may get smaller or larger: a window, a keyboard on a screen, an answer in Markdown.
    new ResizeObserver(() => this.#follow()).observe(this.#log);
    new ResizeObserver(() => this.#follow()).observe(this.#scroller);
  }

  get conversation() {
    return this.#conversation;
  }

  focus() {
    this.#composer.focus();
  }

  offer(text) {
    this.#composer.offer(text);
  }

  show(conversation) {
    this.#leave.abort();
    this.#leave = new AbortController();
    this.#conversation = conversation;
    this.#views.clear();
    this.#log.replaceChildren();
    this.#follows = true;
    const on = (event, listener) => conversation.addEventListener(event, listener, { signal: this.#leave.signal });
    on("change", () => this.#render());
    on("progress", () => this.#onProgress());
    on("asked", () => {
      this.#scrollToEnd();
      announce("The agent is answering.");
    });
    on("answered", ({ detail: text }) => announce(`The agent answered: ${text}`));
    on("stopped", () => announce("Stopped. What was answered so far is kept."));
    on("interrupted", ({ detail: error }) => announceAtOnce(`Your message was not answered. ${whyNotAnswered(error)}`));
    on("refused", ({ detail: error }) => {
      if (error.isSessionOver || error.code === "OPERATION_CONFLICT") return;
      announceAtOnce(`Your message was not answered. ${whyNotAnswered(error)}`);
    });
    on("asks", ({ detail: calls }) => {
      const what = (calls ?? []).map(({ name, args }) => inToolWords(name, args, "asks")).join(", ");
      announceAtOnce(`The agent asks for your permission: ${what}`);
    });
    this.#composer.show(conversation);
    this.#render();
    this.#scrollToEnd();
  }

  #render() {
    clearTimeout(this.#frame);
    this.#frame = undefined;
    const conversation = this.#conversation;
    const { items, status, isNew, isEmpty, next, error } = conversation;
    this.#last = items.findLast(({ kind }) => kind === "answer");
    const keys = new Set(items.map(({ key }) => key));
    arrange(
      this.#log,
      items.map((item) => this.#viewOf(item).element),
    );
    for (const [key, { element }] of this.#views) {
      if (keys.has(key)) continue;
      const hadFocus = element.contains(document.activeElement);
      element.remove();
      this.#views.delete(key);
      if (hadFocus) this.focus();
    }
    const isLoading = status === "unknown" && items.length === 0;
    this.#scroller.setAttribute("aria-busy", String(isLoading));
    find("loading").hidden = !isLoading;
    find("earlier").hidden = next === null || status !== "there";
    find("missing").hidden = status !== "missing";
    find("not-loaded").hidden = status !== "failed";
    if (status === "failed") find("not-loaded-why").textContent = inWords(error);
    find("beginning").hidden = !(isNew || status === "there") || !isEmpty;
    find("composer").hidden = status === "missing";
    this.#composer.reflect();
    this.#follow();
    this.#onChanged();
  }

  #viewOf(item) {
    let view = this.#views.get(item.key);
    if (view === undefined) {
      view = item.kind === "question" ? new QuestionView(this.#questionActions) : new AnswerView(this.#answerActions);
      this.#views.set(item.key, view);
    }
    view.update(item);
    return view;
  }

  /** Only the answer that grows is looked at. */
  #onProgress() {
    this.#frame ??= setTimeout(() => {
      this.#frame = undefined;
      const { turn } = this.#conversation;
      const item = turn && { ...this.#last, parts: turn.parts, turn };
      const view = item && this.#views.get(`${turn.key}-answer`);
      if (view === undefined) return;
      view.update(item);
      this.#follow();
      this.#reflectEnd();
    }, FRAME);
  }

  #questionActions = {
    canEdit: ({ position }) => position !== undefined && !this.#conversation.isBusy,
    edit: ({ position }, text) => {
      const sent = this.#conversation.send(text, { replaces: position });
      if (sent) this.focus();
      return sent;
    },
  };

  #answerActions = {
    canAsk: (item) =>
      item.key === this.#last?.key && item.question?.position !== undefined && !this.#conversation.isBusy,
    again: ({ question }) => this.#conversation.send(question.text, { replaces: question.position }) && this.focus(),
    goOn: () => this.#conversation.send(GO_ON) && this.focus(),
    tryAgain: (item) => {
      this.focus();
      this.#conversation.tryAgain(keyOf(item));
    },
    takeBack: async (item) => {
      const conversation = this.#conversation;
      try {
        const text = await conversation.takeBack(keyOf(item));
        if (text === undefined) return;
        if (conversation === this.#conversation) this.#composer.offer(text);
        else conversation.draft ||= text;
      } catch (error) {
        failed("It could not be taken back.", error);
      }
    },
    decide: (_item, approve) => {
      this.focus();
      this.#conversation.decide(approve);
    },
    focus: () => this.focus(),
  };

  async #stop() {
    try {
      await this.#conversation.stop();
    } catch (error) {
      failed("It could not be stopped.", error);
    }
  }

  async #showEarlier() {
    const conversation = this.#conversation;
    if (find("earlier").disabled) return;
    const [first] = this.#log.children;
    let count;
    find("earlier").disabled = true;
    try {
      const above = first?.getBoundingClientRect().top ?? 0;
      count = await conversation.loadEarlier();
      if (conversation !== this.#conversation) return;
      this.#scroller.scrollTop += (first?.getBoundingClientRect().top ?? 0) - above;
    } catch (error) {
      failed("The messages cannot be shown.", error);
      return;
    } finally {
      find("earlier").disabled = false;
    }
    announce(`${count} earlier messages.`);
    if (find("earlier").hidden && first) this.#scroller.focus({ preventScroll: true });
  }

  #onScroll() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#follows = scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
    this.#reflectEnd();
  }

  #reflectEnd() {
    find("to-end").hidden = this.#follows;
  }

  /** Whoever has scrolled up to read is left there. */
  #follow() {
    if (this.#follows) this.#scrollToEnd();
  }

  #scrollToEnd() {
    this.#follows = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#reflectEnd();
  }
}

function keyOf({ turn, unsent }) {
  return (turn ?? unsent).key;
}

function failed(text, error) {
  if (!error.isSessionOver) notice(`${text} ${inWords(error)}`);
}
