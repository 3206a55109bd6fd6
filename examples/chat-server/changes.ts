import type { Redis } from "ioredis";
import { countedUser } from "./counted.js";

// What other pages of the same user want to know at once: that something changed in a conversation. Through Pub/Sub, for
// they may be on other processes. It carries no more than an id; who hears it asks for what there is now. Of what is lost on
// the way a page learns when it asks the next time.

/** Whose conversations they are. */
interface Owner {
  readonly userId: string;
  readonly orgId?: string | undefined;
  readonly agentId: string;
}

/** Is called with the conversation that changed; without one, when changes may have been missed. */
type Listener = (conversationId: string | undefined) => void;

export class Changes {
  readonly #client: Redis;
  readonly #subscriber: Redis;
  readonly #prefix: string;
  readonly #listeners = new Map<string, Set<Listener>>();

  /** @param subscriber is used for nothing else. */
  constructor({ client, subscriber, prefix }: { client: Redis; subscriber: Redis; prefix: string }) {
    this.#client = client;
    this.#subscriber = subscriber;
    this.#prefix = prefix;
    subscriber.on("message", (channel, conversationId) => this.#tell(channel, conversationId));
    // It subscribes anew by itself.
    subscriber.on("ready", () => {
      for (const channel of this.#listeners.keys()) this.#tell(channel, undefined);
    });
  }

  /** Best effort: that nobody hears of a change is no reason to fail what made it. */
  publish(owner: Owner, conversationId: string): void {
    this.#client.publish(this.#channel(owner), conversationId).catch(() => {});
  }

  /** @returns what ends it. */
  listen(owner: Owner, listener: Listener): () => void {
    const channel = this.#channel(owner);
    const listeners = this.#listeners.get(channel) ?? new Set();
    if (listeners.size === 0) this.#subscriber.subscribe(channel).catch(() => {});
    this.#listeners.set(channel, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      this.#subscriber.unsubscribe(channel).catch(() => {});
    };
  }

  #tell(channel: string, conversationId: string | undefined): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener(conversationId);
  }

  #channel({ agentId, ...user }: Owner): string {
    return `${this.#prefix}:changes:${countedUser(user)}:${countedUser({ userId: agentId })}`;
  }
}
