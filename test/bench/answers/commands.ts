// What one answer asks of Redis: scripts, commands and bytes on the wire, and what is kept.
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { faultyProxy, type RedisAddress } from "langchain-redis-sessions/testing";
import { tapWire } from "../network/wire-tap.js";
import { openStreams } from "./streams.js";

export interface Speech {
  readonly tokens: number;
  readonly everyMilliseconds: number;
}

export interface AnswerCosts extends Speech {
  readonly candidate: string;
  readonly followers: number;
  /** Scripts a second from the first token to the last: without what begins and ends the answer. */
  readonly scriptsPerSecond: number;
  readonly commands: number;
  /** Of the commands, those that run a script. */
  readonly scripts: number;
  /** Bytes to Redis, and from it. */
  readonly sent: number;
  readonly received: number;
  /** `MEMORY USAGE` right after the end, of what is kept so that the answer can be followed. */
  readonly kept: number;
  /** For how long it is kept. */
  readonly keptSeconds: number;
}

/** With one follower, its own share is in the counts. */
export async function countAnswer(
  redis: RedisAddress,
  candidate: string,
  { tokens, everyMilliseconds }: Speech,
  followers: number,
): Promise<AnswerCosts> {
  const observer = new Redis({ host: redis.host, port: redis.port });
  await using proxy = await faultyProxy(redis);
  const tap = await tapWire(proxy);
  const options = { url: tap.url, keyPrefix: "bench", lease: "30s" } as const;
  const [answering, following] = [await openStreams(candidate, options), await openStreams(candidate, options)];

  const speak = async (place: string, count: number): Promise<number> => {
    const sender = await answering.begin(place);
    const followed = Array.from({ length: followers }, async () => {
      for await (const _text of following.follow(place));
    });
    const [before, started] = [proxy.requestsNamed("evalsha"), performance.now()];
    for (let token = 0; token < count; token++) {
      sender.send(` ${words[token % words.length]}`);
      await pause(everyMilliseconds);
    }
    const seconds = (performance.now() - started) / 1_000;
    const scripts = proxy.requestsNamed("evalsha") - before;
    await sender.close();
    await Promise.all(followed);
    return scripts / seconds;
  };
  // The first answer teaches the server the scripts, and opens the subscribers.
  await speak(await answering.newPlace(), 10);
  await observer.flushall();
  const place = await answering.newPlace();
  const keysBefore = await observer.keys("*");
  const [before, scriptsBefore, bytesBefore] = [proxy.requests, proxy.requestsNamed("evalsha"), tap.bytes];
  const scriptsPerSecond = await speak(place, tokens);
  const { sent, received } = tap.bytes;
  const counted = {
    scriptsPerSecond,
    commands: proxy.requests - before,
    scripts: proxy.requestsNamed("evalsha") - scriptsBefore,
    sent: sent - bytesBefore.sent,
    received: received - bytesBefore.received,
    ...(await passing(observer, keysBefore)),
  };
  for (const streams of [answering, following]) await streams.close();
  await observer.flushall();
  observer.disconnect();
  tap.close();
  return { candidate, followers, tokens, everyMilliseconds, ...counted };
}

const words = "the quick brown fox jumps over the lazy dog and runs".split(" ");

/** A day: what is kept for longer is the conversation, and not the answer in flight. */
const PASSING_MILLISECONDS = 86_400_000;

async function passing(client: Redis, keysBefore: readonly string[]): Promise<{ kept: number; keptSeconds: number }> {
  const keys = (await client.keys("*")).filter((key) => !keysBefore.includes(key));
  const found = await Promise.all(
    keys.map(async (key) => ({
      left: await client.pttl(key),
      bytes: Number(await client.memory("USAGE", key, "SAMPLES", 0)),
    })),
  );
  const passes = found.filter(({ left }) => left > 0 && left <= PASSING_MILLISECONDS);
  return {
    kept: passes.reduce((sum, { bytes }) => sum + bytes, 0),
    keptSeconds: Math.round(Math.max(...passes.map(({ left }) => left)) / 1_000),
  };
}
