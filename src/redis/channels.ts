import type { RedisPort, Subscriber } from "./port.js";

/**
 * How long a channel without listeners is kept for the next one. The time is short, because the connection keeps the
 * process alive.
 */
const LINGER_MILLISECONDS = 5_000;

export interface Listener {
  readonly onMessage: (message: string) => void;
  /** Called each time the subscription has been established. The listener has missed earlier messages. */
  readonly onSubscribed: () => void;
}

interface Channel {
  readonly listeners: Set<Listener>;
  lingering: NodeJS.Timeout | undefined;
}

/**
 * Pub/Sub channels that listeners share, over one connection. The connection is opened for the first listener and
 * closed after the last.
 */
export class Channels {
  readonly #client: RedisPort;
  readonly #channels = new Map<string, Channel>();
  #subscriber: Subscriber | undefined;
  #closed = false;

  constructor(client: RedisPort) {
    this.#client = client;
  }

  /** Listens until the returned function is called. */
  listen(name: string, listener: Listener): () => void {
    if (this.#closed) return () => {};
    const channel = this.#channelOf(name);
    clearTimeout(channel.lingering);
    channel.listeners.add(listener);
    return () => {
      channel.listeners.delete(listener);
      if (channel.listeners.size > 0 || this.#channels.get(name) !== channel) return;
      clearTimeout(channel.lingering);
      channel.lingering = setTimeout(() => this.#leave(name), LINGER_MILLISECONDS);
    };
  }

  /** Closes the connection for good. It is not opened again, even for later listeners. */
  close(): void {
    this.#closed = true;
    for (const { lingering } of this.#channels.values()) clearTimeout(lingering);
    this.#channels.clear();
    this.#disconnect();
  }

  #channelOf(name: string): Channel {
    const known = this.#channels.get(name);
    if (known) return known;
    const channel: Channel = { listeners: new Set(), lingering: undefined };
    this.#channels.set(name, channel);
    this.#subscriber ??= this.#client.subscriber({
      onMessage: (from, message) => {
        for (const { onMessage } of this.#channels.get(from)?.listeners ?? []) onMessage(message);
      },
      onSubscribed: (to) => {
        for (const { onSubscribed } of this.#channels.get(to)?.listeners ?? []) onSubscribed();
      },
    });
    this.#subscriber.listen(name);
    return channel;
  }

  #leave(name: string): void {
    this.#channels.delete(name);
    if (this.#channels.size === 0) this.#disconnect();
    else this.#subscriber?.leave(name);
  }

  #disconnect(): void {
    this.#subscriber?.close();
    this.#subscriber = undefined;
  }
}
