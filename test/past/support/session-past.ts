import type { BaseMessage } from "@langchain/core/messages";
import { type Session, SessionStore, type SessionStoreOptions, type StoredMessage } from "langchain-redis-sessions";
import { type OwnerKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { Turn, type TurnCall } from "../../../src/turns/turn.js";
import { storedKeys } from "../../sessions/support/stored-keys.js";
import type { Client } from "../../support/topologies.js";
import { freshId, texts } from "../../support/turns.js";
import { said } from "./conversations.js";
import { ToldSettings } from "./outcomes.js";

/** A user with one session and one conversation, below a prefix of their own. */
export class SessionPast {
  readonly store: SessionStore;
  readonly session: Session;
  readonly keys: OwnerKeys;
  readonly #client: Client;

  private constructor(client: Client, store: SessionStore, session: Session, keys: OwnerKeys) {
    this.#client = client;
    this.store = store;
    this.session = session;
    this.keys = keys;
  }

  /** @param turns the texts of each turn: `"Q: …"` is what the user says. */
  static async of(
    client: Client,
    turns: readonly (readonly string[])[],
    options: Omit<SessionStoreOptions, "client"> = {},
  ): Promise<SessionPast> {
    const keyPrefix = freshId();
    const store = new SessionStore({ client, keyPrefix, ...options });
    const { session } = await store.create({ userId: freshId(), agentId: "support" });
    const past = new SessionPast(client, store, session, ownerKeys(keyPrefix, ownerTag(session.userId, undefined)));
    for (const turn of turns) await past.append(...turn);
    return past;
  }

  get id(): string {
    return this.session.conversationId;
  }

  /** Messages of a turn. */
  turn(...turn: readonly string[]): BaseMessage[] {
    return said(...turn).messages();
  }

  append(...turn: readonly string[]): Promise<void> {
    return this.store.history(this.session).addMessages(said(...turn).messages());
  }

  begin(call: TurnCall = {}, settings: ToldSettings = new ToldSettings()): Promise<Turn> {
    return Turn.begin(this.store.history(this.session), settings, call);
  }

  messages(): Promise<StoredMessage[]> {
    return this.store.conversations.messages(this.session, this.id, { limit: 1_000 });
  }

  /** The position of the message with this text. */
  async at(text: string): Promise<string> {
    return (await this.messages()).find(({ message }) => message.text === text)?.position ?? "none";
  }

  async stored(): Promise<string[]> {
    return texts(await this.#getMessages());
  }

  /** All that is stored of anybody, byte by byte. */
  async dump(): Promise<Record<string, string | undefined>> {
    const prefix = this.keys.base.slice(0, this.keys.base.indexOf(":"));
    const keys = (await storedKeys(this.#client, `${prefix}:*`)).toSorted();
    const dumps = await Promise.all(keys.map((key) => this.#client.dumpBuffer(key)));
    return Object.fromEntries(keys.map((key, place) => [key, dumps[place]?.toString("base64")]));
  }

  #getMessages(): Promise<BaseMessage[]> {
    return this.store.history(this.session).getMessages();
  }
}
