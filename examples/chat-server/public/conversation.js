// All that the page knows of one conversation: its messages, the answer that is being written, what was not sent, and the
// draft. What it says of them comes from the service, which is asked whenever there is a doubt.
import { addMessage } from "./answer-parts.js";
import { Turn } from "./turn.js";

const PAGE = 50;
/** Whoever reads upwards wants much. */
const EARLIER = 100;
/** A message that was sent shortly before a reload is sent by itself; an older one only when somebody says so. */
const RECENTLY = 60_000;
/** Refusals that sending again does not change. */
const FINAL = new Set([
  "INVALID_INPUT",
  "BODY_TOO_LARGE",
  "POSITION_NOT_FOUND",
  "INVALID_POSITION",
  "CONVERSATION_CHANGED",
  "CONVERSATION_NOT_FOUND",
]);

/**
 * Events: `change`, when something else is to be shown; `progress`, when the running answer grew; `answered`, `asks`,
 * `failed`, `stopped`, for who listens and does not see it; `begun`, with its first message.
 */
export class Conversation extends EventTarget {
  id;
  /** It is to begin: the service does not know it yet. */
  isNew;
  /** `unknown`, `there`, `missing`, or `failed` with an `error` */
  status;
  error;
  title;
  /** As the service has them, oldest first; those before `next` are not loaded. */
  messages = [];
  next = null;
  turn;
  /** Turns that have ended, and were followed by another one before the service was asked what became of them. */
  #before = [];
  /** Messages that the service did not take: `{ key, message, replaces, at, error, isFinal }` */
  unsent = [];
  #api;
  #agentId;
  #written;
  #path;
  /** Counts what happened here: what the service answered to a question from before is out of date. */
  #version = 0;
  /** Whether the service has it; undefined when that is not known. */
  #exists;
  #refreshing;
  #refreshAgain = false;
  /** What is shown of a question keeps its key when it gets its position. */
  #keys = new Map();

  constructor({ api, agentId, written, id = newConversationId(), isNew = false }) {
    super();
    Object.assign(this, { id, isNew, status: isNew ? "there" : "unknown" });
    this.#api = api;
    this.#agentId = agentId;
    this.#written = written;
    this.#exists = isNew ? false : undefined;
    this.#path = `/conversations/${encodeURIComponent(id)}`;
    if (!isNew) this.#takeUpUnsent();
  }

  get draft() {
    return this.#written.draftOf(this.isNew ? "new" : this.id);
  }

  set draft(text) {
    this.#written.keepDraft(this.isNew ? "new" : this.id, text);
  }

  get isEmpty() {
    return this.messages.length === 0 && this.#turns.length === 0 && this.unsent.length === 0;
  }

  /** Those that `messages` does not tell all of, oldest first. */
  get #turns() {
    return this.turn === undefined ? this.#before : [...this.#before, this.turn];
  }

  get isBusy() {
    return this.turn?.isLive === true;
  }

  // ── What the service has ──

  /** Asks the service. One request at a time; whoever asks meanwhile gets the answer to a later one. */
  refresh() {
    if (this.isNew) return Promise.resolve();
    if (this.#refreshing !== undefined) {
      this.#refreshAgain = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#refresh().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh() {
    do {
      this.#refreshAgain = false;
      const version = this.#version;
      try {
        const page = await this.#page(PAGE);
        if (version !== this.#version) {
          this.#refreshAgain = true;
          continue;
        }
        this.#apply(page);
      } catch (error) {
        this.#failedToRefresh(error, version);
      }
    } while (this.#refreshAgain);
  }

  #page(limit, before) {
    return this.#api.get(`${this.#path}/messages?limit=${limit}${before === undefined ? "" : `&before=${before}`}`);
  }

  #apply({ messages, next, answer, title }) {
    if (title) this.title = title;
    this.status = "there";
    this.#exists = true;
    this.error = undefined;
    const isOwn = answer?.operationId === this.turn?.key;
    if (this.turn?.isLive && !isOwn) {
      // What this page is told of its own turn comes by the stream, and only after that it looks at the conversation.
      if (this.messages.length === 0) this.#merge(inFrontOf(this.turn, messages), next);
      this.#changed();
      return;
    }
    this.#merge(messages, next);
    if (answer) this.#written.forgetUnsent(this.id, answer.operationId);
    if (answer) this.unsent = this.unsent.filter(({ key }) => key !== answer.operationId);
    if (this.turn !== undefined && !isOwn) this.#rememberKey(this.turn);
    if (!answer) this.turn = undefined;
    else if (!isOwn) this.#show(answer);
    else this.#update(answer);
    this.#changed();
    this.#resend();
  }

  /** The page in place of what it is about; earlier messages that were loaded stay. */
  #merge(page, next) {
    const first = page[0]?.position;
    const at = first === undefined ? -1 : this.messages.findIndex(({ position }) => position === first);
    if (at > 0 && next !== null) this.messages = [...this.messages.slice(0, at), ...page];
    else Object.assign(this, { messages: page, next });
    for (const turn of this.#before.splice(0)) this.#rememberKey(turn);
  }

  /** A turn that the service knows of, and this page does not. */
  #show(answer) {
    const { operationId: key, state, message, position, replaces, startedAt, approval } = answer;
    this.turn?.leave();
    this.#begin(
      new Turn(this.#api, this.#path, {
        key,
        message,
        position,
        replaces,
        startedAt,
        approval,
        state: state === "running" ? "sending" : state,
      }),
    );
    this.#keys.set(position, key);
    if (state === "running") void this.#conclusion(this.turn.follow());
  }

  #update({ state, position, approval }) {
    const { turn } = this;
    turn.position = position;
    this.#keys.set(position, turn.key);
    if (turn.isLive) return;
    turn.approval = approval ?? turn.approval;
    if (state === "running") void this.#conclusion(turn.follow());
    else turn.conclude(state);
  }

  /** What is stored in place of a turn is shown where the turn was. Behind it there is one more question at most. */
  #rememberKey({ key, message }) {
    const questions = this.messages.filter(({ type }) => type === "human").slice(-2);
    const own = questions.findLast(({ text, position }) => text === message && !this.#keys.has(position));
    if (own !== undefined) this.#keys.set(own.position, key);
  }

  #failedToRefresh(error, version) {
    if (error.isSessionOver || version !== this.#version) return;
    if (error.code === "CONVERSATION_NOT_FOUND") {
      // Its first message may be on its way.
      if (this.turn?.isLive) return;
      this.#exists = false;
      this.messages = [];
      this.next = null;
      this.turn = undefined;
      this.#before = [];
      this.status = this.unsent.length > 0 ? "there" : "missing";
      this.#changed();
      this.#resend();
      return;
    }
    if (this.status !== "there") this.status = "failed";
    this.error = error;
    this.#changed();
  }

  /** Returns how many earlier messages came. */
  async loadEarlier() {
    const [first] = this.messages;
    const { messages, next } = await this.#page(EARLIER, this.next);
    // Meanwhile it was loaded anew.
    if (this.messages[0] !== first) return 0;
    this.messages = [...messages, ...this.messages];
    this.next = next;
    this.#changed();
    return messages.length;
  }

  // ── What somebody does ──

  /** @returns whether it is sent: not while another answer is being written. */
  send(message, { replaces } = {}) {
    if (this.isBusy) return false;
    const turn = new Turn(this.#api, this.#path, { message: message.toWellFormed(), replaces });
    this.#deliver(turn);
    return true;
  }

  /** A question that was interrupted, or one that did not arrive, under the same key. */
  tryAgain(key) {
    if (this.isBusy) return;
    if (this.turn?.key === key) {
      this.#deliver(this.turn);
      return;
    }
    const unsent = this.unsent.find((one) => one.key === key);
    if (unsent === undefined) return;
    this.unsent = this.unsent.filter((one) => one !== unsent);
    this.#deliver(new Turn(this.#api, this.#path, unsent));
  }

  /** Removes it from wherever it is, and returns what was written, or nothing if `emptied` has told of it. */
  async takeBack(key) {
    if (this.turn?.key !== key) {
      const unsent = this.unsent.find((one) => one.key === key);
      this.unsent = this.unsent.filter((one) => one !== unsent);
      this.#written.forgetUnsent(this.id, key);
      this.#changed();
      if (!this.isEmpty || this.#exists !== false) return unsent?.message;
      // There never was such a conversation.
      this.dispatchEvent(new CustomEvent("emptied", { detail: unsent?.message }));
      return undefined;
    }
    const { message, position, replaces } = this.turn;
    const isInConversation = position !== undefined && position !== replaces;
    try {
      await this.#api.delete(
        isInConversation ? `${this.#path}/messages?from=${encodeURIComponent(position)}` : `${this.#path}/answer`,
      );
    } catch (error) {
      // Somebody else has removed it.
      if (!["CONVERSATION_NOT_FOUND", "POSITION_NOT_FOUND"].includes(error.code)) throw error;
    }
    this.#version++;
    if (isInConversation) {
      const at = this.messages.findIndex((one) => one.position === position);
      if (at !== -1) this.messages = this.messages.slice(0, at);
    }
    this.turn = undefined;
    this.#changed();
    if (this.isEmpty && this.next === null) {
      this.dispatchEvent(new CustomEvent("emptied", { detail: message }));
      return undefined;
    }
    void this.refresh();
    return message;
  }

  async stop() {
    await this.turn?.stop();
  }

  /** This page stops following its answer; the answer goes on. */
  leave() {
    if (!this.isBusy) return;
    this.turn.leave();
    this.turn.conclude("interrupted");
  }

  decide(approve) {
    const { turn } = this;
    if (turn?.state !== "waiting") return;
    const { approval } = turn;
    this.#version++;
    void this.#conclusion(turn.decide(approve), () => {
      // Somebody else has decided, or it could not be told: the service knows.
      turn.approval = approval;
      turn.conclude("waiting");
    });
  }

  #deliver(turn) {
    this.#version++;
    const { key, message, replaces } = turn;
    if (turn !== this.turn) {
      this.turn?.leave();
      if (this.turn?.state === "ended") this.#before.push(this.turn);
    }
    if (this.isNew) {
      this.draft = "";
      this.isNew = false;
      this.dispatchEvent(new Event("begun"));
    }
    this.#written.keepUnsent(this.id, { key, message, replaces, at: Date.now() });
    this.#begin(turn);
    this.dispatchEvent(new Event("asked"));
    const sent = turn.send(this.#agentId, this.id);
    void this.#conclusion(sent, (error) => this.#refused(turn, error));
  }

  #begin(turn) {
    if (turn !== this.turn) {
      turn.addEventListener("change", () => turn === this.turn && this.#changed());
      turn.addEventListener("progress", () => turn === this.turn && this.dispatchEvent(new Event("progress")));
      turn.addEventListener("accepted", () => {
        this.#exists = true;
        this.#written.forgetUnsent(this.id, turn.key);
      });
    }
    this.turn = turn;
    this.#changed();
  }

  /** Waits for the end of the turn, and looks at what became of it. */
  async #conclusion(running, refused = () => {}) {
    const { turn } = this;
    let end;
    try {
      end = await running;
    } catch (error) {
      if (turn !== this.turn) return;
      this.#version++;
      refused(error);
      this.dispatchEvent(new CustomEvent("refused", { detail: error }));
      if (!error.isSessionOver) void this.refresh();
      return;
    }
    if (turn !== this.turn || end === "left") return;
    this.#version++;
    const wasStopping = turn.stopping;
    turn.conclude(end === "waiting" ? "waiting" : ["interrupted", "failed"].includes(end) ? "interrupted" : "ended");
    if (end === "stored") this.dispatchEvent(new CustomEvent("answered", { detail: turn.text }));
    else if (end === "waiting") this.dispatchEvent(new CustomEvent("asks", { detail: turn.approval }));
    else if (turn.state === "interrupted") this.dispatchEvent(new CustomEvent("interrupted", { detail: turn.problem }));
    else if (end === "stopped" || wasStopping) this.dispatchEvent(new Event("stopped"));
    await this.refresh();
  }

  #refused(turn, error) {
    if (error.code === "OPERATION_CONFLICT") {
      // An earlier attempt has arrived, and its answer is stored.
      this.#written.forgetUnsent(this.id, turn.key);
      turn.conclude("ended");
      return;
    }
    const { key, message, replaces, position } = turn;
    if (position !== undefined) {
      // The service has the question since the first attempt.
      this.#written.forgetUnsent(this.id, key);
      turn.problem = error;
      turn.conclude("interrupted");
      return;
    }
    this.turn = undefined;
    this.unsent = [...this.unsent, { key, message, replaces, at: Date.now(), error, isFinal: FINAL.has(error.code) }];
    this.#changed();
  }

  // ── Messages that may not have arrived ──

  /** Another tab sent one, or took it back. */
  unsentElsewhere() {
    const kept = new Set(this.#written.unsentOf(this.id).map(({ key }) => key));
    this.unsent = this.unsent.filter(({ key }) => kept.has(key));
    this.#changed();
  }

  #takeUpUnsent() {
    this.unsent = this.#written.unsentOf(this.id);
  }

  /** A page that was reloaded at the moment of sending. */
  #resend() {
    if (this.isBusy) return;
    const young = this.unsent.find(({ at, error }) => error === undefined && Date.now() - at < RECENTLY);
    if (young !== undefined) this.tryAgain(young.key);
  }

  // ── What is to be shown ──

  /**
   * Questions and answers, oldest first. What an agent does between two messages of the user is one answer.
   * `{ kind: "question", key, text, position, at }`, `{ kind: "answer", key, parts, state, … }`
   */
  get items() {
    const turns = this.#turns;
    const replaced = turns
      .filter(({ isLive, state }) => isLive || state === "ended")
      .map((turn) => this.messages.findIndex(({ position }) => position === (turn.replaces ?? turn.position)))
      .filter((at) => at !== -1);
    const items = storedItems(this.messages.slice(0, Math.min(...replaced, this.messages.length)), this.#keys);
    for (const turn of turns) showIn(items, turn);
    for (const unsent of this.unsent) {
      items.push({ kind: "question", key: unsent.key, text: unsent.message, unsent });
      items.push({ kind: "answer", key: `${unsent.key}-answer`, parts: [], unsent });
    }
    return items;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** The messages in front of a turn that is still followed here. It may be stored by now, and would be shown twice. */
function inFrontOf(turn, messages) {
  const at = messages.findLastIndex(({ type }) => type === "human");
  return messages[at]?.text === turn.message ? messages.slice(0, at) : messages;
}

function showIn(items, turn) {
  const at = items.findIndex(({ kind, key }) => kind === "question" && key === turn.key);
  if (at === -1) items.push({ kind: "question", key: turn.key, text: turn.message, at: turn.startedAt });
  const answer = at === -1 ? undefined : items[at + 1];
  const live = { kind: "answer", key: `${turn.key}-answer`, parts: turn.parts, turn };
  // What is stored of it is all that there is of it, but for what this page has heard.
  if (answer === undefined) items.push(live);
  else Object.assign(answer, { turn, parts: answer.parts.length > 0 ? answer.parts : turn.parts, interrupted: false });
}

function storedItems(messages, keys) {
  const items = [];
  let question;
  let answer;
  for (const message of messages) {
    const { type, text, at, position } = message;
    if (type === "human") {
      question = { kind: "question", key: keys.get(position) ?? position, text, at, position };
      answer = undefined;
      items.push(question);
    } else if (type === "ai" || type === "tool") {
      if (answer === undefined) {
        answer = { kind: "answer", key: `${question?.key ?? position}-answer`, parts: [], question };
        items.push(answer);
      }
      addMessage(answer.parts, message);
      Object.assign(answer, { at, interrupted: message.interrupted === true });
    }
  }
  return items;
}

/** As the service makes them: 16 random bytes. */
function newConversationId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
