import { HumanMessage } from "@langchain/core/messages";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import type { RedisAddress } from "langchain-redis-sessions/testing";
import { Redis } from "ioredis";
import { tapWire, type WireTap } from "../network/wire-tap.js";
import { type Form, forms, optionsOf } from "./forms.js";

/** How often calls of a history wait for Redis. */
export interface FormRoundTrips {
  readonly form: Form;
  /** By a process that has not met the history's data key yet. */
  readonly coldRead: number;
  readonly coldAppend: number;
  /** The same, where nothing is stored, so that the call makes the data key. */
  readonly firstAppend: number;
  /** The second of two calls. */
  readonly read: number;
  readonly append: number;
}

/** Counts at the wire. The server must be empty. */
export async function countFormRoundTrips(redis: RedisAddress): Promise<FormRoundTrips[]> {
  const tap = await tapWire(redis);
  const counted: FormRoundTrips[] = [];
  for (const form of forms) {
    // The first time teaches the server the scripts.
    await countForm(tap, form, `${form} scripts`);
    counted.push(await countForm(tap, form, form));
  }
  tap.close();
  return counted;
}

async function countForm(tap: WireTap, form: Form, sessionId: string): Promise<FormRoundTrips> {
  const append = (history: RedisChatMessageHistory): Promise<void> => history.addMessages([new HumanMessage("Hi")]);
  const read = (history: RedisChatMessageHistory): Promise<unknown> => history.getMessages();
  const [firstAppend] = await countTwice(tap, { form, sessionId, call: append });
  const [coldRead, secondRead] = await countTwice(tap, { form, sessionId, call: read });
  const [coldAppend, secondAppend] = await countTwice(tap, { form, sessionId, call: append });
  return { form, coldRead, coldAppend, firstAppend, read: secondRead, append: secondAppend };
}

/** The round trips of two calls, one after the other, over a connection and by a ring that have done nothing yet. */
async function countTwice(
  tap: WireTap,
  {
    form,
    sessionId,
    call,
  }: { form: Form; sessionId: string; call: (history: RedisChatMessageHistory) => Promise<unknown> },
): Promise<[first: number, second: number]> {
  const client = new Redis(tap.url);
  await client.ping();
  const history = new RedisChatMessageHistory({ client, sessionId, ...optionsOf(form) });
  const before = tap.roundTrips;
  await call(history);
  const between = tap.roundTrips;
  await call(history);
  const after = tap.roundTrips;
  client.disconnect();
  return [between - before, after - between];
}
