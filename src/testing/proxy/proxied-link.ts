import type { Socket } from "node:net";

import { DelayLine } from "./delay-line.js";
import type { ProxyConditions } from "./proxy-conditions.js";
import { ReplyTracker } from "./reply-tracker.js";

/** One client's connection and the one to the server behind it. */
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

    // Everything passes through the lines, ends too, or an end would overtake the data in front of it.
    client.on("data", (chunk) => this.#toServer.push(() => this.#passRequests(chunk)));
    client.on("end", () => this.#toServer.push(() => this.#pass(() => server.end())));
    client.on("close", () => this.#toServer.push(() => this.#pass(() => this.#clientGone())));
    server.on("data", (chunk) => this.#toClient.push(() => this.#passReplies(chunk)));
    server.on("end", () => this.#toClient.push(() => this.#pass(() => client.end())));
    server.on("close", () => this.#toClient.push(() => this.#pass(() => client.destroySoon())));
    for (const socket of [client, server]) {
      // "close" follows, and the other side learns of it there.
      socket.on("error", () => {});
      socket.on("close", () => {
        if (!client.closed || !server.closed) return;
        this.#tracker.release();
        onClosed();
      });
    }
  }

  /** Whether something was swallowed, so that what follows would no longer fit. */
  get lossy(): boolean {
    return this.#lossy;
  }

  /** Delivers at once what the delay still holds. */
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
    // After what was written: the replies in front of the one at fault did arrive.
    this.#client.destroySoon();
    // Not destroyed: the server is to execute all that it was sent. What it answers leads nowhere.
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
