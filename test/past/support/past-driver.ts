import assert from "node:assert/strict";
import { AIMessage, HumanMessage, type BaseMessage } from "@langchain/core/messages";
import { type PausedRun, Turn } from "../../../src/turns/turn.js";
import type { Client } from "../../support/topologies.js";
import { texts } from "../../support/turns.js";
import { causeOf, codeOf, outcomeOf, ToldSettings, writeOutcomeOf } from "./outcomes.js";
import type { Entry, Outcome, Run } from "./past-model.js";
import { names, type Step } from "./past-steps.js";
import { ofAFork, type Place, type PlaceOptions } from "./places.js";

/** A turn that is under way, and what its interruption told. */
interface Open {
  readonly place: Place;
  readonly run: Run;
  readonly turn: Turn;
  readonly settings: ToldSettings;
}

/** Does the same to a conversation in Redis and to a model of it, and compares what comes of it. */
export class PastDriver {
  readonly outcomes = new Set<string>();
  readonly #client: Client;
  readonly #options: PlaceOptions;
  readonly #places: Place[];
  readonly #open: Open[] = [];
  readonly #paused: { place: Place; run: Run; paused: PausedRun }[] = [];
  /** Every position that was ever returned, and the message that it named. */
  readonly #positions = new Map<string, Entry>();
  #said = 0;

  constructor(client: Client, options: PlaceOptions, place: Place) {
    this.#client = client;
    this.#options = options;
    this.#places = [place];
  }

  async take({ what, a, b }: Step): Promise<void> {
    const place = this.#places[a % this.#places.length];
    assert.ok(place);
    const open = this.#open[a % Math.max(1, this.#open.length)];
    switch (what) {
      case "append":
        await this.#append(place, 1 + (b % 3));
        break;
      case "begin":
        await this.#begin(place, names[b % 6]);
        break;
      case "replace":
        await this.#begin(place, names[b % 8], b);
        break;
      case "resume":
        await this.#resume(a);
        break;
      case "clear":
        await place.history().clear();
        place.model.clear();
        break;
      case "rewind":
        await this.#rewind(place, b);
        break;
      case "fork":
        await this.#fork(place, b);
        break;
      case "expire":
        await this.#lose([place.keys.messages, place.keys.notes]);
        place.model.expire();
        break;
      case "loseMessages":
        await this.#lose([place.keys.messages]);
        place.model.loseMessages();
        break;
      case "loseNotes":
        await this.#lose([place.keys.notes]);
        place.model.loseNotes();
        break;
      case "forget":
        await place.forget();
        break;
      default:
        if (open !== undefined) await this.#goOn(open, what, b);
    }
  }

  async compare(): Promise<void> {
    for (const { model, history, ofSession } of this.#places) {
      assert.deepEqual(texts(await history().getMessages()), model.texts);
      if (ofSession === undefined) continue;
      const { store, session } = ofSession;
      const page = store.conversations.messages(session, session.conversationId, { limit: 1_000 });
      const found = await page.catch((error: unknown) => {
        assert.equal(codeOf(error), "CONVERSATION_NOT_FOUND");
        return [];
      });
      assert.deepEqual(
        found.map(({ message }) => message.text),
        model.texts,
      );
      for (const { position, index } of found) this.#notePosition(position, model.entries[index]);
    }
  }

  #notePosition(position: string, entry: Entry | undefined): void {
    assert.ok(entry);
    entry.position ??= position;
    assert.equal(position, entry.position, "a position is stable");
    assert.equal(this.#positions.get(position) ?? entry, entry, "a position is not used again");
    this.#positions.set(position, entry);
  }

  async #append({ history, model }: Place, howMany: number): Promise<void> {
    const said = this.#say(howMany);
    await history().addMessages(messagesOf(said));
    model.append(said);
  }

  async #begin(place: Place, name: string | undefined, chosen?: number): Promise<void> {
    const replaces = chosen === undefined ? undefined : this.#choose(place, chosen);
    const settings = new ToldSettings();
    const named = name !== undefined;
    const run: Run = { operationId: name ?? "", attempt: "", named, stored: 0, seen: 0, fence: undefined };
    const expected = place.model.begin(run, replaces && (replaces.entry ?? "nowhere"));
    const call = { operationId: name, replaces: replaces?.position };
    const begun = await Turn.begin(place.history(), settings, call).catch(codeOf);
    this.#outcome("begin", typeof begun === "string" ? begun : "ok");
    if (typeof begun === "string") {
      assert.equal(begun, expected);
      return;
    }
    assert.deepEqual(texts(begun.past), expected);
    const { operationId, attempt } = begun;
    this.#open.push({ place, run: { ...run, operationId, attempt }, turn: begun, settings });
  }

  async #resume(which: number): Promise<void> {
    const [found] = this.#paused.splice(which % Math.max(1, this.#paused.length), 1);
    if (found === undefined) return;
    const { place, run, paused } = found;
    const settings = new ToldSettings();
    const turn = await Turn.resume(place.history(), settings, {}, paused);
    assert.deepEqual(texts(turn.past), place.model.resume(run));
    this.#open.push({ place, run, turn, settings });
    this.#outcome("resume", "ok");
  }

  async #goOn(open: Open, what: string, b: number): Promise<void> {
    const { place, run, turn, settings } = open;
    if (what !== "part") this.#open.splice(this.#open.indexOf(open), 1);
    if (what === "leave") return;
    const said = what === "finishWithNothing" ? [] : this.#say(b % 4);
    const result = { messages: () => messagesOf(said), output: undefined };
    if (what === "keep" || what === "discard") {
      const { operationId, attempt, named, seen, fence } = turn;
      const paused = { operationId, attempt, named, seen, fence, stored: run.stored, ended: false, lease: undefined };
      const stores = run.fence === undefined && (what === "keep" ? said.length > 0 : run.stored > 0);
      const expected = stores ? place.model.write(run, "provisional", what === "keep" ? said : []) : "ok";
      settings.onInterrupt = what;
      await turn.interrupt(result.messages);
      assert.deepEqual(settings.told.map(causeOf), expected === "ok" || expected === "dropped" ? [] : [expected]);
      this.#outcome(what, expected);
      if (what === "keep") this.#paused.push({ place, run, paused });
      return;
    }
    const kind = what === "part" ? "part" : "last";
    const stores = said.length > 0 || (kind === "last" && run.stored > 0);
    const expected: Outcome = stores ? place.model.write(run, kind, said) : "ok";
    const outcome = await writeOutcomeOf(kind === "part" ? turn.storeStep(result) : turn.store(result));
    assert.equal(outcome, expected === "dropped" ? "ok" : expected);
    this.#outcome(what, expected);
    if (kind === "part" && outcome === "ok" && said.length > 0) run.stored += 1;
    if (outcome !== "ok" && kind === "part") this.#open.splice(this.#open.indexOf(open), 1);
  }

  async #rewind({ model, ofSession }: Place, chosen: number): Promise<void> {
    assert.ok(ofSession);
    const { store, session } = ofSession;
    const { position, entry } = this.#choose({ model }, chosen);
    const [index, isEmpty] = [entry === undefined ? -1 : model.entries.indexOf(entry), model.entries.length === 0];
    const expected = isEmpty
      ? "CONVERSATION_NOT_FOUND"
      : index === -1
        ? "POSITION_NOT_FOUND"
        : entry?.by === "human"
          ? "ok"
          : "INVALID_OPTION";
    const options = { before: position, operationId: `rewind ${this.#said++}` };
    const call = (): Promise<unknown> => store.conversations.rewind(session, session.conversationId, options);
    assert.equal(await outcomeOf(call()), expected);
    if (expected === "ok") {
      await call();
      model.rewind(index);
    }
    this.#outcome("rewind", expected);
  }

  async #fork(place: Place, chosen: number): Promise<void> {
    const { model, ofSession } = place;
    assert.ok(ofSession);
    if (this.#places.length > 2) return;
    const { store, session } = ofSession;
    const choice = chosen % 3 === 0 ? undefined : this.#choose(place, chosen);
    const index = choice === undefined ? model.entries.length : choice.entry ? model.entries.indexOf(choice.entry) : -1;
    const options = { before: choice?.position, operationId: `fork ${this.#said++}` };
    const call = () => store.conversations.fork(session, session.conversationId, options).catch(codeOf);
    const fork = await call();
    let expected = "ok";
    if (model.entries.length === 0) expected = "CONVERSATION_NOT_FOUND";
    else if (index === -1) expected = "POSITION_NOT_FOUND";
    else if (choice && (choice.entry?.by !== "human" || index === 0)) expected = "INVALID_OPTION";
    this.#outcome("fork", expected);
    assert.equal(typeof fork === "string" ? fork : "ok", expected);
    if (typeof fork === "string") return;
    assert.deepEqual(await call(), fork);
    assert.equal(fork.forkedFrom, session.conversationId);
    assert.equal(fork.messageCount, index);
    const forked = { id: fork.id, model: model.fork(index) };
    this.#places.push(await ofAFork(this.#client, this.#options, ofSession, forked));
  }

  /** A position of a message that is there, or of any that ever was, in this or another conversation. */
  #choose({ model }: Pick<Place, "model">, chosen: number): { position: string; entry: Entry | undefined } {
    const seen = [...this.#positions];
    const here = model.entries.filter(({ position }) => position !== undefined);
    if (chosen % 4 > 0 && here.length > 0) {
      const entry = here[chosen % here.length];
      return { position: entry?.position ?? "", entry };
    }
    const [position = "1-1", entry] = seen[chosen % Math.max(1, seen.length)] ?? [];
    return { position, entry: entry && model.entries.includes(entry) ? entry : undefined };
  }

  /** As an expiry does, or an eviction. */
  async #lose(keys: readonly string[]): Promise<void> {
    await Promise.all(keys.map((key) => this.#client.pexpire(key, 0)));
  }

  #say(howMany: number): Entry[] {
    return Array.from({ length: howMany }, (_, place) => ({
      text: `${this.#said++}`,
      by: place % 2 === 0 ? ("human" as const) : ("ai" as const),
    }));
  }

  #outcome(what: string, outcome: string): void {
    this.outcomes.add(`${what}: ${outcome}`);
  }
}

function messagesOf(said: readonly Entry[]): BaseMessage[] {
  return said.map(({ text, by }) => (by === "human" ? new HumanMessage(text) : new AIMessage(text)));
}
