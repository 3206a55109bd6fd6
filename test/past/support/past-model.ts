/** One stored message, as the model has it. No two have the same text. */
export interface Entry {
  readonly text: string;
  readonly by: "human" | "ai";
  /** Known once it was read. */
  position?: string;
  /** The unfinished turn that it is a part of. */
  part?: { readonly provisional: boolean } | undefined;
}

/** A run of a turn, as far as the model knows it. */
export interface Run {
  readonly operationId: string;
  readonly attempt: string;
  readonly named: boolean;
  /** How many parts it has stored. */
  stored: number;
  /** The generation that it saw; 0 for none. */
  seen: number;
  /** What it replaces, and the version of the conversation that it read. */
  fence: { readonly from: Entry; readonly version: number } | undefined;
}

export type Outcome = "ok" | "dropped" | "OPERATION_CONFLICT" | "CONVERSATION_CHANGED";

let counter = 0;
const next = (): number => (counter += 1);

/** A conversation: a plain array of messages, and what is known of its turns. */
export class PastModel {
  entries: Entry[] = [];
  /** The run that wrote a part last, and how many parts of it are at the end: none once something else followed them. */
  owner: (Pick<Run, "operationId" | "attempt"> & { readonly parts: number; readonly provisional: number }) | undefined;
  /** The newest stored turn whose caller named it. */
  finished: string | undefined;
  /** The latest clear, rewind or edit; 0 when none is known. */
  generation = 0;
  /** Changes with every change of the messages. */
  version = 0;
  /** Operation ids of turns that were stored within the window. It is shared by what an owner has. */
  readonly recorded: Set<string>;
  readonly #cap: number;

  constructor(recorded: Set<string>, cap: number) {
    this.recorded = recorded;
    this.#cap = cap;
  }

  get texts(): string[] {
    return this.entries.map(({ text }) => text);
  }

  /** What a run that begins is shown, or why it does not begin. */
  begin(run: Run, replaces?: Entry | "nowhere"): readonly string[] | string {
    if (run.named && (this.recorded.has(run.operationId) || this.finished === run.operationId)) {
      return "OPERATION_CONFLICT";
    }
    run.seen = this.generation;
    if (run.named && this.owner?.operationId === run.operationId && this.owner.parts > 0) {
      return this.entries.filter(({ part }) => part === undefined).map(({ text }) => text);
    }
    if (replaces === undefined) return this.texts;
    const index = replaces === "nowhere" ? -1 : this.entries.indexOf(replaces);
    const found = this.entries[index];
    if (found === undefined) return "POSITION_NOT_FOUND";
    if (found.by !== "human") return "INVALID_OPTION";
    run.fence = { from: found, version: this.version };
    return this.texts.slice(0, index);
  }

  /** What a run that goes on is shown. */
  resume(run: Run): readonly string[] {
    const own = this.owner?.operationId === run.operationId && this.owner.attempt === run.attempt;
    return this.entries.filter(({ part }) => !(own && part?.provisional === true)).map(({ text }) => text);
  }

  /** An append that is no turn. */
  append(said: readonly Entry[]): void {
    this.#add(said);
    if (said.length > 0) this.#follow();
  }

  /** A write of a run: a part, what an interruption keeps, or the rest. Nothing said ends the turn, or takes it back. */
  write(run: Run, kind: "part" | "provisional" | "last", said: readonly Entry[]): Outcome {
    const { operationId, attempt, named } = run;
    const isPart = kind !== "last";
    if (!isPart && this.recorded.has(operationId)) return "OPERATION_CONFLICT";
    if (this.generation !== 0 && this.generation !== run.seen) return "CONVERSATION_CHANGED";
    const refused = isPart ? "dropped" : "OPERATION_CONFLICT";
    const own = this.owner?.operationId === operationId;
    const goesOn = own && this.owner?.attempt === attempt;
    const known = isPart || run.stored > 0 || named || own;
    if (known) {
      if (this.finished === operationId || this.recorded.has(operationId)) return refused;
      if (own && !goesOn && run.stored > 0) return refused;
    }
    if (run.fence !== undefined) {
      const index = this.entries.indexOf(run.fence.from);
      if (index === -1 || run.fence.version !== this.version) return "CONVERSATION_CHANGED";
      this.#remove((_entry, place) => place >= index);
      this.generation = next();
      run.seen = this.generation;
      run.fence = undefined;
    } else if (known && own) {
      const takenBack = said.length === 0 && isPart;
      const gives = ({ part }: Entry): boolean =>
        part !== undefined && (takenBack || !goesOn || (part.provisional && said.length > 0));
      this.#remove(gives);
    }
    this.#add(said);
    const takesBack = isPart && said.length === 0;
    const stay = goesOn && !takesBack && this.owner !== undefined ? this.owner.parts - this.owner.provisional : 0;
    if (isPart && said.length > 0 && (stay > 0 || run.stored === 0)) {
      if (!goesOn) this.#settle();
      for (const entry of said) entry.part = { provisional: kind === "provisional" };
      const provisional = kind === "provisional" ? said.length : 0;
      this.owner = { operationId, attempt, parts: stay + said.length, provisional };
    } else if (own && (!isPart || takesBack)) {
      this.#settle();
    } else if (!own && said.length > 0) {
      this.#follow();
    }
    if (!isPart) this.recorded.add(operationId);
    if (!isPart && named) this.finished = operationId;
    return "ok";
  }

  /** Removes an entry and what is behind it. */
  rewind(index: number): void {
    if (index === 0) {
      this.clear();
      return;
    }
    this.#remove((_entry, place) => place >= index);
    this.#settle();
    this.generation = next();
  }

  clear(): void {
    this.expire();
    this.generation = next();
  }

  /** All of it is gone. */
  expire(): void {
    this.loseMessages();
    this.loseNotes();
  }

  /** The list alone is gone, as by an eviction. */
  loseMessages(): void {
    this.#remove(() => true);
  }

  /** The hash alone is gone, as by an eviction. */
  loseNotes(): void {
    this.#settle();
    this.finished = undefined;
    this.generation = 0;
  }

  /** The messages in front of an index, in a conversation of their own. */
  fork(index: number): PastModel {
    const copy = new PastModel(this.recorded, this.#cap);
    copy.entries = this.entries.slice(0, index).map(({ text, by }) => ({ text, by }));
    return copy;
  }

  /** Something follows the parts, so that they are ordinary messages. Which run wrote last stays known. */
  #follow(): void {
    const { owner } = this;
    this.#settle();
    this.owner = owner && { ...owner, parts: 0, provisional: 0 };
  }

  /** The parts are ordinary messages from now on. */
  #settle(): void {
    for (const entry of this.entries) entry.part = undefined;
    this.owner = undefined;
  }

  #add(said: readonly Entry[]): void {
    if (said.length === 0) return;
    this.entries.push(...said);
    if (this.#cap > 0) this.entries.splice(0, Math.max(0, this.entries.length - this.#cap));
    this.version = next();
  }

  #remove(which: (entry: Entry, place: number) => boolean): void {
    const kept = this.entries.filter((entry, place) => !which(entry, place));
    if (kept.length !== this.entries.length) this.version = next();
    this.entries = kept;
  }
}
