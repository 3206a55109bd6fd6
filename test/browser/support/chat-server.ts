import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout } from "node:timers/promises";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { type RunningRedis, startRedis } from "../../../src/testing/index.js";
import { builtProgram } from "../../support/built-program.js";

const root = path.join(import.meta.dirname, "../../..");

/** The service as a process of its own, with a folder for its data that a restart finds again. */
export class ChatServer {
  readonly #folder = mkdtempSync(path.join(tmpdir(), "chat-browser-"));
  readonly #settings: Readonly<Record<string, string>>;
  readonly #redis: RunningRedis | undefined;
  #child: ChildProcess | undefined;
  #url = "";

  private constructor(settings: Readonly<Record<string, string>>, redis: RunningRedis | undefined) {
    this.#settings = settings;
    this.#redis = redis;
  }

  /** Unless the settings name a Redis, it has one of its own, which goes on while the service is restarted. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<ChatServer> {
    // With arguments it is never the one that the environment names, whose data is not ours to remove.
    const redis = settings["REDIS_URL"] === undefined ? await startRedis({ args: ["--databases", "1"] }) : undefined;
    const server = new ChatServer(redis ? { ...settings, REDIS_URL: redis.url } : settings, redis);
    await server.#start("0");
    return server;
  }

  get url(): string {
    return this.#url;
  }

  /** It ends as it would on a deployment, or at once. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  /** At the same address, on the same data. */
  async startAgain(): Promise<void> {
    await this.#start(new URL(this.#url).port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGTERM");
    await this.#redis?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * Everything of everybody is gone from a Redis of its own. That their sessions were ended is gone, too: nobody waits for
   * another second to sign in.
   */
  async forgetEverybody(): Promise<void> {
    if (this.#redis === undefined) return;
    const client = new Redis(this.#redis.url);
    await client.flushall();
    client.disconnect();
  }

  /** Conversations of the user: what is said in each. */
  async seed(user: string, conversations: readonly (readonly string[])[]): Promise<void> {
    const { jwt, token } = await this.#signIn(user);
    for (const messages of conversations) {
      await this.#ask("POST", "/sessions/conversation", { jwt, token, body: {} });
      for (const message of messages) {
        await this.#ask("POST", "/agents/assistant/chat", { jwt, token, body: { message } });
      }
    }
    await this.#ask("POST", "/sessions/end-all", { jwt, token, body: {} });
    await nextSecond();
  }

  /** A sign-in somewhere else, without a browser. */
  async signInElsewhere(user: string): Promise<void> {
    await this.#signIn(user);
  }

  async #signIn(user: string): Promise<{ readonly jwt?: string | undefined; readonly token?: string | undefined }> {
    const begin = async (): Promise<{ readonly jwt?: string | undefined; readonly token?: string | undefined }> => {
      const { jwt } = await this.#ask("POST", "/sign-in", { body: { user } });
      const { token } = await this.#ask("POST", "/sessions", { jwt, body: { agentId: "assistant" } });
      return { jwt, token };
    };
    return begin().catch(async () => {
      await nextSecond();
      return begin();
    });
  }

  async #ask(
    method: string,
    place: string,
    { jwt, token, body }: { jwt?: string | undefined; token?: string | undefined; body?: unknown },
  ): Promise<{ readonly jwt?: string; readonly token?: string }> {
    const response = await fetch(new URL(place, this.#url), {
      method,
      headers: {
        "Content-Type": "application/json",
        ...(jwt === undefined ? {} : { Authorization: `Bearer ${jwt}` }),
        ...(token === undefined ? {} : { "X-Session-Id": token }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${place}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? {} : ((await response.json()) as object);
  }

  async #start(port: string): Promise<void> {
    const { REDIS_URL: _, OPENAI_API_KEY: __, ...environment } = process.env;
    const child = spawn(process.execPath, [builtProgram("examples/chat-server/main.ts")], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...environment,
        PORT: port,
        DATA_DIR: this.#folder,
        TURNS_PER_MINUTE: "10000",
        REQUESTS_PER_MINUTE: "100000",
        ...this.#settings,
      },
    });
    this.#child = child;
    let noted = "";
    child.stderr.on("data", (chunk: Buffer) => (noted = `${noted}${chunk.toString()}`.slice(-4_000)));
    for await (const line of createInterface({ input: child.stdout })) {
      const address = /http:\/\/[\w.[\]:]+/.exec(line)?.[0];
      if (address === undefined) continue;
      this.#url = address;
      child.stdout.resume();
      return;
    }
    throw new Error(`The chat server did not start:\n${noted}`);
  }
}

/** A sign-in of the second in which all sessions of a user were ended is refused: JWTs tell whole seconds only. */
async function nextSecond(): Promise<void> {
  await setTimeout(1_000 - (Date.now() % 1_000) + 1);
}
