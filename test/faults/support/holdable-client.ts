import type { Redis } from "ioredis";
import type { IoredisClient } from "../../../src/redis/ioredis.js";

type Value = string | Buffer;

/** The types of ioredis leave some commands out. */
type WithBytes = Redis & Required<Pick<IoredisClient, "evalshaBuffer" | "evalBuffer">>;

/** A client whose scripts can be held back, each by a key that it names. */
export class HoldableClient implements IoredisClient {
  readonly #client: WithBytes;
  readonly #held = new Map<Value, { readonly until: Promise<string>; readonly release: (key: string) => void }>();

  constructor(client: Redis) {
    this.#client = client as WithBytes;
  }

  get status(): string {
    return this.#client.status;
  }

  /** From now on no script that names this key is sent. */
  hold(key: string): void {
    let release: (key: string) => void = () => {};
    const until = new Promise<string>((resolve) => {
      release = resolve;
    });
    this.#held.set(key, { until, release });
  }

  /** Sends what was held; with another key in the place of this one, if that is given. */
  release(key: string, instead = key): void {
    this.#held.get(key)?.release(instead);
  }

  async evalsha(sha1: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown> {
    return this.#client.evalsha(sha1, numberOfKeys, await this.#whenReleased(keysAndArguments));
  }

  async eval(script: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown> {
    return this.#client.eval(script, numberOfKeys, await this.#whenReleased(keysAndArguments));
  }

  async evalshaBuffer(sha1: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown> {
    return this.#client.evalshaBuffer(sha1, numberOfKeys, await this.#whenReleased(keysAndArguments));
  }

  async evalBuffer(script: string, numberOfKeys: number, keysAndArguments: Value[]): Promise<unknown> {
    return this.#client.evalBuffer(script, numberOfKeys, await this.#whenReleased(keysAndArguments));
  }

  call(command: string, ...args: Value[]): Promise<unknown> {
    return this.#client.call(command, ...args);
  }

  callBuffer(command: string, ...args: Value[]): Promise<unknown> {
    return this.#client.callBuffer(command, ...args);
  }

  pipeline(commands: unknown[][]): ReturnType<IoredisClient["pipeline"]> {
    return this.#client.pipeline(commands);
  }

  duplicate(): Redis {
    return this.#client.duplicate();
  }

  #whenReleased(keysAndArguments: readonly Value[]): Promise<Value[]> {
    return Promise.all(keysAndArguments.map(async (value) => this.#held.get(value)?.until ?? value));
  }
}
