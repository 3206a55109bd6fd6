import type { Socket } from "node:net";

import { DelayLine } from "./delay-line.js";
import type { ProxyConditions } from "./proxy-conditions.js";
import { ReplyTracker } from "./reply-tracker.js";

/** The connection of one client to the proxy, and the matching connection to the server. */
export class ProxiedLink {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #conditions: ProxyConditions;
  readonly #tracker: ReplyTracker;
  readonly #toServer: DelayLine;
  readonly #toClient: DelayLine;
  #lossy = false;
  #cut = false;

  constructor(client: Socket, server: Socket, conditions: ProxyConditions, onClosed: () => void) {
    this.#client = client;
    this.#server = server;
    this.#conditions = conditions;
    this.#tracker = new ReplyTracker(conditions.faults);
    this.#toServer = new DelayLine(() => conditions.delayMilliseconds);
    this.#toClient = new DelayLine(() => conditions.delayMilliseconds);

    // The end of a connection passes through the delay line too. Otherwise it would overtake the data before it.
    client.on("data", (chunk) => this.#toServer.push(() => this.#passRequests(chunk)));
    client.on("end", () => this.#toServer.push(() => this.#pass(() => server.end())));
    client.on("close", () => this.#toServer.push(() => this.#pass(() => this.#clientGone())));
    server.on("data", (chunk) => this.#toClient.push(() => this.#passReplies(chunk)));
    server.on("end", () => this.#toClient.push(() => this.#pass(() => client.end())));
    server.on("close", () => this.#toClient.push(() => this.#pass(() => client.destroySoon())));
    for (const socket of [client, server]) {
      // "close" follows an error, and its listener informs the other side.
      socket.on("error", () => {});
      socket.on("close", () => {
        if (!client.closed || !server.closed) return;
        this.#tracker.release();
        onClosed();
      });
    }
  }

  /** Whether a blackhole discarded data, so that the stream has a gap. */
  get lossy(): boolean {
    return this.#lossy;
  }

  /** Delivers all delayed data at once. */
  flush(): void {
    this.#toServer.flush();
    this.#toClient.flush();
  }

  destroy(): void {
    this.#cut = true;
    this.#toServer.clear();
    this.#toClient.clear();
    this.#client.destroy();
    this.#server.destroy();
  }

  #passRequests(chunk: Buffer): void {
    const commands = this.#tracker.commands(chunk);
    for (const [name] of commands) this.#conditions.countRequest(name);
    this.#pass(() => {
      for (const command of commands) this.#tracker.sent(command);
      write(this.#client, this.#server, chunk);
    });
  }

  #passReplies(chunk: Buffer): void {
    this.#pass(() => {
      const cut = this.#tracker.received(chunk);
      write(this.#server, this.#client, cut === undefined ? chunk : chunk.subarray(0, cut.end));
      if (cut === undefined) return;
      this.#conditions.faults.strike(cut.fault);
      this.#cutOff();
    });
  }

  #pass(action: () => void): void {
    if (this.#cut) return;
    if (this.#conditions.blackholed) this.#lossy = true;
    else action();
  }

  #clientGone(): void {
    if (this.#client.readableEnded) this.#server.end();
    else this.#server.destroy();
  }

  #cutOff(): void {
    this.#cut = true;
    this.#tracker.release();
    // Destroys the connection after the pending writes, so that the earlier replies arrive.
    this.#client.destroySoon();
    // Ended, not destroyed, so that the server executes all requests that it has received. Its replies are discarded.
    this.#server.end();
    this.#client.resume();
    this.#server.resume();
  }
}

function write(source: Socket, destination: Socket, chunk: Buffer): void {
  if (destination.destroyed || destination.write(chunk) || source.isPaused()) return;
  source.pause();
  destination.once("drain", () => source.resume());
}
