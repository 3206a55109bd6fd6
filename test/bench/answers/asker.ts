// What an answer in flight costs the request that asked.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { BaseLanguageModelInput } from "@langchain/core/language_models/base";
import type { AIMessageChunk } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { type Session, SessionStore } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import type { RedisAddress } from "langchain-redis-sessions/testing";
import { ScriptedModel } from "../../support/scripted-model.js";
import { shuffled } from "../measure/random.js";
import { median, pairedRatio, type Ratio } from "../measure/statistics.js";
import { networkTo } from "../network/network.js";
import { tapWire } from "../network/wire-tap.js";
import { QUESTION } from "./streams.js";

/** How a model speaks, and how far away Redis is. */
export interface Asking {
  readonly delayMilliseconds: number;
  /** How long the model thinks. */
  readonly firstMilliseconds: number;
  readonly tokens: number;
  readonly everyMilliseconds: number;
}

/** A turn with an answer beside the same turn without. */
export interface AskerTiming extends Asking {
  readonly rounds: number;
  /** Median milliseconds to the first token, and to the end: without an answer, and with one. */
  readonly first: readonly [plain: number, answer: number];
  readonly total: readonly [plain: number, answer: number];
  readonly firstRatio: Ratio;
  readonly totalRatio: Ratio;
}

/** How often a turn waits for Redis. */
export interface AskerRoundTrips {
  readonly plain: number;
  /** With an answer to which nothing is sent. */
  readonly answer: number;
  /** What came beside when the tokens were sent: the caller waits for none of them, but for one that is under way at the end. */
  readonly batches: number;
  readonly tokens: number;
}

const WARM_UP_TURNS = 100;

type Variant = "plain" | "silent" | "answer";

export async function measureAsker(
  redis: RedisAddress,
  asking: Asking,
  { rounds, random }: { readonly rounds: number; readonly random: () => number },
): Promise<AskerTiming> {
  const network = await networkTo(redis, asking.delayMilliseconds);
  const turns = new Turns(network.url, asking);
  const variants = ["plain", "answer"] as const;
  await turns.warmUp(variants);
  const times = { plain: new Series(), answer: new Series() };
  for (let round = 0; round < rounds; round++) {
    for (const variant of shuffled(variants, random))
      times[variant].add(await turns.take(variant, await turns.begin()));
  }
  await turns.close();
  network.close();
  const { plain, answer } = times;
  return {
    ...asking,
    rounds,
    first: [median(plain.first), median(answer.first)],
    total: [median(plain.total), median(answer.total)],
    firstRatio: pairedRatio(answer.first, plain.first),
    totalRatio: pairedRatio(answer.total, plain.total),
  };
}

export async function countAskerRoundTrips(redis: RedisAddress, asking: Asking): Promise<AskerRoundTrips> {
  const tap = await tapWire(redis);
  const turns = new Turns(tap.url, asking);
  const count = async (variant: Variant): Promise<number> => {
    // The first turn teaches the server its scripts. It also subscribes to the channel of the conversation, and then asks
    // once whether it has to stop: nobody waits for that, and the next turn of the conversation goes without.
    const session = await turns.begin();
    await turns.take(variant, session);
    await pause(200);
    const before = tap.firstRoundTrips;
    await turns.take(variant, session);
    return tap.firstRoundTrips - before;
  };
  const [plain, silent, answer] = [await count("plain"), await count("silent"), await count("answer")];
  await turns.close();
  tap.close();
  return { plain, answer: silent, batches: answer - silent, tokens: asking.tokens };
}

interface Times {
  readonly first: number;
  readonly total: number;
}

class Series {
  readonly first: number[] = [];
  readonly total: number[] = [];

  add({ first, total }: Times): void {
    this.first.push(first);
    this.total.push(total);
  }
}

/** Takes turns, each the first of a conversation. */
class Turns {
  readonly #client: Redis;
  readonly #sessions: SessionStore;
  readonly #asking: Asking;

  constructor(url: string, asking: Asking) {
    this.#client = new Redis(url);
    this.#sessions = new SessionStore({ client: this.#client, keyPrefix: randomUUID() });
    this.#asking = asking;
  }

  /** Makes a conversation for a turn. */
  async begin(): Promise<Session> {
    return (await this.#sessions.create({ userId: randomUUID(), agentId: "assistant" })).session;
  }

  /** Takes short turns, so that those that count find compiled code, as in a process that has served for a while. */
  async warmUp(variants: readonly Variant[]): Promise<void> {
    const short: Asking = { ...this.#asking, firstMilliseconds: 1, tokens: 5, everyMilliseconds: 1 };
    for (let turn = 0; turn < WARM_UP_TURNS; turn++) {
      for (const variant of variants) await this.take(variant, await this.begin(), short);
    }
  }

  async take(variant: Variant, session: Session, asking = this.#asking): Promise<Times> {
    const chain = new RunnableWithSession({
      runnable: speaking(asking),
      sessions: this.#sessions,
      concurrency: "wait",
    });
    const started = performance.now();
    const first =
      variant === "plain"
        ? await this.#read(await chain.stream(QUESTION, { configurable: { session } }), () => {})
        : await this.#answer(chain, session, variant);
    return { first: first - started, total: performance.now() - started };
  }

  async #answer(
    chain: RunnableWithSession<BaseLanguageModelInput, AIMessageChunk>,
    session: Session,
    variant: Variant,
  ): Promise<number> {
    const answer = await this.#sessions.answers(session).begin({ operationId: randomUUID(), input: QUESTION });
    try {
      const stream = await chain.stream(QUESTION, { configurable: { session, answer } });
      return await this.#read(stream, variant === "answer" ? (text) => answer.send({ text }) : () => {});
    } finally {
      await answer.close();
    }
  }

  /** Returns when the first token came. */
  async #read(stream: AsyncIterable<{ text: string }>, send: (text: string) => void): Promise<number> {
    let first: number | undefined;
    for await (const { text } of stream) {
      first ??= performance.now();
      send(text);
    }
    return first ?? Number.NaN;
  }

  async close(): Promise<void> {
    await this.#sessions.close();
    this.#client.disconnect();
  }
}

function speaking({ firstMilliseconds, tokens, everyMilliseconds }: Asking): ScriptedModel {
  return new ScriptedModel(async function* () {
    for (let token = 0; token < tokens; token++) {
      await pause(token === 0 ? firstMilliseconds : everyMilliseconds);
      yield " fox";
    }
  });
}
