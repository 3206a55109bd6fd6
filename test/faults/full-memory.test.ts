// Memory runs out: with noeviction a turn is stored whole or refused; with volatile-lru a session that lost a part is none.
import { isDeepStrictEqual } from "node:util";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { type Session, SessionNotFoundError, SessionStore, StorageFullError } from "langchain-redis-sessions";
import { startRedis } from "langchain-redis-sessions/testing";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { freshId } from "../support/turns.js";
import { amount, choicesFor, progress, report, whole } from "./support/run.js";
import { TurnHistory, violations } from "./support/turn-history.js";
import { graphPlaces, histories } from "./support/turn-places.js";
import { storeOnce } from "./support/writers.js";

const APPENDS = amount(500, 20_000);
const USERS = amount(40, 3_000);
const choices = choicesFor("full memory");

const places = [histories, ...graphPlaces()];

test.each(places)(
  "with noeviction a turn is stored whole or refused ($name); control: two pushes are torn",
  async (place) => {
    await using redis = await startRedis({
      args: ["--maxmemory", whole ? "32mb" : "4mb", "--maxmemory-policy", "noeviction"],
    });
    const client = new Redis(redis.url);
    const history = new TurnHistory();
    const log = place.open({ client });
    // One control is enough: it writes the same, whatever the place of the others.
    const hasControl = place === histories;
    const filler = "x".repeat(8_000);
    let [refused, named, torn, pushes] = [0, 0, 0, 0];
    for (let number = 0; number < APPENDS; number++) {
      const conversation = freshId();
      const outcome = await storeOnce(`${number} ${filler}`, { log, conversation, history, repetitions: 0 });
      if (outcome === "refused") refused += 1;
      // Control: the question, then the answer. Of many sizes: with one only, memory may be full at the same place each time.
      const key = `control:${number}`;
      const text = filler.slice(choices.below(filler.length));
      const question = await client.rpush(key, text).catch(() => 0);
      const answer = await client.rpush(key, filler).catch(() => 0);
      pushes += 1;
      if ((question === 0) !== (answer === 0)) torn += 1;
      if (outcome === "refused") {
        // Unless there is room again: the buffers of connections count too, and shrink by themselves.
        const another = log.append(freshId(), filler, freshId());
        const error = await another.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        if (error !== undefined) {
          expect(error).toBeInstanceOf(StorageFullError);
          named += 1;
        }
      }
      // Room for the next ones, of the control's: what is in the history stays, to be looked at.
      if (outcome === "refused" || number % 50 === 49) {
        const old = Array.from({ length: 8 }, (_, index) => `control:${number - index}`);
        await client.unlink(...old);
      }
      if (refused > 200 || (refused > 20 && (torn > 0 || !hasControl) && !whole)) break;
      progress("out of memory, turns", number, APPENDS);
    }
    const verdict = await history.check(log.read);
    client.disconnect();
    expect(violations(verdict)).toEqual({});
    expect(verdict.refused).toBeGreaterThan(0);
    expect(named, "refused with a StorageFullError").toBeGreaterThan(0);
    if (hasControl) expect(torn, "the control is torn").toBeGreaterThan(0);
    report("full-memory", { policy: "noeviction", what: `turns (${place.name})`, ...verdict });
    if (hasControl)
      report("full-memory", { policy: "noeviction", what: "control: two RPUSHes a turn", issued: pushes, torn });
  },
);

test("with volatile-lru a session that lost a part is never valid; control: its record alone would let it in", async () => {
  await using redis = await startRedis({ args: ["--maxmemory-policy", "volatile-lru", "--maxmemory-samples", "3"] });
  const client = new Redis(redis.url);
  const sessions = new SessionStore({ client, maxSessionsPerUser: 3 });
  const made: { token: string; session: Session; ended: boolean }[] = [];
  for (let user = 0; user < USERS; user++) {
    const userId = freshId();
    for (let index = 0; index < 3; index++) {
      const { token, session } = await sessions.create({
        userId,
        agentId: "support",
        metadata: { index, note: "x".repeat(200) },
      });
      const ended = choices.below(4) === 0;
      if (ended) await sessions.end(token);
      made.push({ token, session, ended });
    }
    progress("eviction, users", user, USERS);
  }
  const keys = await client.dbsize();
  const used = Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
  await client.config("SET", "maxmemory", String(used));
  // Other keys come, and sessions go: about half of them.
  for (let index = 0; (await client.exists(...probes(made))) > made.length / 2 && index < 200_000; index += 50) {
    await Promise.all(
      Array.from({ length: 50 }, (_, place) => client.set(`filler:${index + place}`, "x".repeat(500), "EX", 3_600)),
    );
  }
  await client.config("SET", "maxmemory", "0");
  let [valid, refusedOnes, wrong, recordAlone] = [0, 0, 0, 0];
  for (const { token, session, ended } of made) {
    const owner = ownerKeys("chat", ownerTag(session.userId, session.orgId));
    const [record, listed] = await Promise.all([
      client.hgetall(owner.session(session.id)),
      client.zscore(owner.sessions, session.id),
    ]);
    const complete = Object.keys(record).length > 0 && listed !== null;
    const found = await sessions
      .verify(token, { userId: session.userId, agentId: "support" })
      .catch((error: unknown) => error);
    if (found instanceof SessionNotFoundError) {
      refusedOnes += 1;
      if (!ended && record["secret"] !== undefined && listed === null) recordAlone += 1;
      continue;
    }
    valid += 1;
    // In whatever order: Redis keeps none, once a value is longer than 64 bytes.
    const same = isDeepStrictEqual((found as Session).metadata, session.metadata);
    if (!complete || ended || !same || (found as Session).conversationId !== session.conversationId) wrong += 1;
    if ((await sessions.list(session)).every(({ id }) => id !== session.id)) wrong += 1;
  }
  client.disconnect();
  expect(wrong).toBe(0);
  expect(valid).toBeGreaterThan(0);
  expect(refusedOnes).toBeGreaterThan(0);
  expect(recordAlone, "the control lets some in").toBeGreaterThan(0);
  report("eviction", {
    policy: "volatile-lru",
    sessions: made.length,
    keys,
    "valid afterwards": valid,
    refused: refusedOnes,
    "valid without a part": wrong,
    "control: records that would open by themselves": recordAlone,
  });
});

function probes(made: readonly { session: Session }[]): string[] {
  return made.map(({ session }) => ownerKeys("chat", ownerTag(session.userId, session.orgId)).session(session.id));
}
