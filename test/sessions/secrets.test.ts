// P8: no secret of a run shows in a trace, an error, a log, an object, a message or a dump.
import { tracingChannel } from "node:diagnostics_channel";
import { readFileSync } from "node:fs";
import path from "node:path";
import { inspect } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Session, SessionStore } from "langchain-redis-sessions";
import { faultyProxy, type RunningRedis, startRedis } from "langchain-redis-sessions/testing";
import { freshId, turn } from "../support/turns.js";

/** Everything that could show a secret, by where it was seen. */
type Seen = Record<string, string[]>;

const show = (value: unknown): string =>
  inspect(value, { showHidden: true, depth: 20, getters: true, maxArrayLength: null, maxStringLength: null });

let redis: RunningRedis;
let client: Redis;
let monitor: Redis;
let subscriber: Redis;
let seen: Seen = {};
const note = (place: string, text: string): void => void (seen[place] ??= []).push(text);

beforeAll(async () => {
  // Not compressed: a secret must be found in the file as it is.
  redis = await startRedis({
    args: ["--rdbcompression", "no", "--slowlog-log-slower-than", "0", "--slowlog-max-len", "10000"],
  });
  client = new Redis(redis.url);
  monitor = await new Redis(redis.url).monitor();
  monitor.on("monitor", (_time: string, words: string[]) => note("MONITOR", words.join(" ")));
  subscriber = new Redis(redis.url);
  await subscriber.psubscribe("*");
  subscriber.on("pmessage", (_pattern: string, channel: string, message: string) =>
    note("Pub/Sub", `${channel} ${message}`),
  );
});
afterAll(async () => {
  monitor.disconnect();
  subscriber.disconnect();
  client.disconnect();
  await redis.stop();
});

beforeEach(() => {
  seen = {};
  const spies = (["log", "info", "warn", "error", "debug", "trace"] as const).map((method) =>
    vi
      .spyOn(console, method)
      .mockImplementation((...values: unknown[]) => note("the console", values.map(show).join(" "))),
  );
  const warning = (value: Error): void => note("a process warning", show(value));
  process.on("warning", warning);
  const traced = (message: unknown): void => note("diagnostics_channel", show(message));
  const channels = ["command", "batch", "connect"].map((name) => tracingChannel(`ioredis:${name}`));
  const subscribers = { start: traced, end: traced, asyncStart: traced, asyncEnd: traced, error: traced };
  for (const channel of channels) channel.subscribe(subscribers);
  return () => {
    for (const spy of spies) spy.mockRestore();
    process.off("warning", warning);
    for (const channel of channels) channel.unsubscribe(subscribers);
  };
});

/** The bytes of an RDB file, and every value as DUMP has it. */
async function dumped(): Promise<string[]> {
  const keys = await client.keys("*");
  const values = await Promise.all(keys.map((key) => client.dumpBuffer(key)));
  const texts = [...keys, ...values.map((value) => value.toString("latin1"))];
  await client.save();
  // In a container the file is out of reach; the values have to do.
  if (redis.source !== "process") return texts;
  const [, folder = ""] = await client.config("GET", "dir");
  const [, file = ""] = await client.config("GET", "dbfilename");
  const rdb = readFileSync(path.join(folder, file)).toString("latin1");
  expect(rdb.startsWith("REDIS")).toBe(true);
  return [...texts, rdb];
}

/** Where a secret shows, in any spelling that somebody could turn back into it. */
function places(tokens: Iterable<string>): string[] {
  const found = new Set<string>();
  for (const token of tokens) {
    const secret = token.slice(42, 85);
    const bytes = Buffer.from(secret, "base64url");
    const spellings = [secret, token, bytes.toString("hex"), bytes.toString("base64"), bytes.toString("latin1")];
    for (const [place, texts] of Object.entries(seen)) {
      if (texts.some((text) => spellings.some((spelling) => text.includes(spelling)))) found.add(place);
    }
  }
  return [...found];
}

async function collectDump(): Promise<void> {
  for (const text of await dumped()) note("the dump", text);
  note("the slow log", show(await client.call("SLOWLOG", "GET", "-1")));
  note("ACL LOG", show(await client.call("ACL", "LOG")));
  note("INFO", await client.info("everything"));
  const marker = freshId();
  await client.echo(marker);
  await expect.poll(() => seen["MONITOR"]?.some((line) => line.includes(marker))).toBe(true);
}

describe("in the whole life of a user's sessions", () => {
  test("no secret shows anywhere", async () => {
    const tokens = new Set<string>();
    const look = <Value>(place: string, value: Value): Value => {
      note(place, show(value));
      note(place, `${JSON.stringify(value)} ${String(value)}`);
      return value;
    };
    /** An error in every way that it is logged, at any depth of its cause. */
    const failure = async (work: Promise<unknown>): Promise<unknown> => {
      const error = await work.then(
        () => expect.unreachable(),
        (reason: unknown) => reason,
      );
      look("an error", error);
      for (let at = error; at instanceof Error; at = at.cause) note("an error", `${at.stack} ${at.message}`);
      return error;
    };
    const opened = async (
      work: Promise<{ token: string; session: Session }>,
    ): Promise<{ token: string; session: Session }> => {
      const { token, session } = await work;
      tokens.add(token);
      look("a session", session);
      return { token, session };
    };

    const sessions = new SessionStore({ client, maxSessionsPerUser: 3 });
    const owner = { userId: freshId(), orgId: "acme" };
    const init = { ...owner, agentId: "support", metadata: { a: 1 } };

    // Create, verify, rotate, update, converse, list.
    const first = await opened(sessions.create(init, { operationId: "create" }));
    const again = await opened(sessions.create(init, { operationId: "create" }));
    look("a session", await sessions.verify(again.token, owner));
    const rotated = await opened(sessions.rotate(again.token));
    look("a session", await sessions.update(rotated.session, { metadata: { b: 2 } }));
    const history = look("a history", sessions.history(rotated.session));
    await history.addMessages(turn("hello"));
    look("a history", await history.getMessages());
    look("a session", await sessions.openConversation(rotated.session));
    look("a session", await sessions.list(owner));
    look("a conversation", await sessions.conversations.list(owner));
    look("a conversation", await sessions.conversations.messages(owner, first.session.conversationId));
    look("a store", sessions);
    const signal = look("a signal", sessions.signal(rotated.session));

    // Wrong users, old and made-up tokens, conflicts, limits.
    await failure(sessions.verify(rotated.token, { userId: "other" }));
    await failure(sessions.verify(again.token));
    await failure(sessions.rotate(again.token));
    await failure(sessions.verify(`${rotated.token}x`));
    await failure(sessions.verify(rotated.token.toUpperCase()));
    await failure(sessions.verify({ token: rotated.token } as never));
    await failure(sessions.rotate(rotated.token.slice(0, -1)));
    await failure(sessions.end(` ${rotated.token}`));
    await failure(sessions.rotate(rotated.token, { operationId: "create" }));
    await failure(sessions.verify(rotated.token, { userID: rotated.token } as never));
    await failure(new SessionStore({ client, maxSessionsPerUser: 1, atLimit: "reject" }).create(init));

    // Redis refuses: no permission, no memory.
    await client.acl("SETUSER", "limited", "reset", "on", ">pw", "~*", "&*", "+@all", "-evalsha", "-eval");
    const limited = new Redis({ host: redis.host, port: redis.port, username: "limited", password: "pw" });
    const refused = new SessionStore({ client: limited });
    await failure(refused.verify(rotated.token));
    await failure(refused.rotate(rotated.token));
    await failure(refused.end(rotated.token));
    await failure(refused.create(init));
    await client.acl("SETUSER", "limited", "+@all", "-hmget", "-hset");
    await failure(refused.verify(rotated.token));
    await failure(refused.rotate(rotated.token));
    await failure(refused.create(init));
    limited.disconnect();
    await client.config("SET", "maxmemory", "1");
    await failure(sessions.create(init));
    await client.config("SET", "maxmemory", "0");

    // Redis goes away.
    const proxy = await faultyProxy(redis);
    for (const fault of ["dropped", "silent", "gone"]) {
      const through = new Redis({ port: proxy.port, maxRetriesPerRequest: 0, retryStrategy: () => 1 });
      through.on("error", (error) => look("an error event of the client", error));
      const away = new SessionStore({ client: through, deadline: 0.1 });
      await through.ping();
      const apply = (): void => {
        if (fault === "dropped") proxy.dropReplies({ command: ["EVALSHA", "EVAL"] });
        else if (fault === "silent") proxy.blackhole();
        else proxy.refuse();
      };
      for (const call of [
        () => away.verify(rotated.token),
        () => away.end(again.token),
        () => away.create({ ...init, userId: freshId() }),
      ]) {
        apply();
        await failure(call());
        await proxy.heal();
        await expect.poll(() => through.ping().catch(() => "away")).toBe("PONG");
      }
      through.disconnect();
    }
    await proxy.close();
    await failure(sessions.verify.call(refused, rotated.token)); // A client that is closed.

    // Dumped while all is alive, then ended, evicted, erased, and dumped again.
    await collectDump();
    const others = [];
    for (let index = 0; index < 3; index++) others.push(await opened(sessions.create(init)));
    await expect.poll(() => signal.aborted).toBe(true);
    look("a signal", signal.reason);
    await failure(sessions.verify(rotated.token));
    await sessions.end(others[0]?.token ?? "");
    await failure(sessions.verify(others[0]?.token ?? ""));
    await sessions.endById(owner, others[1]?.session.id ?? "");
    await sessions.endAll(owner);
    await failure(history.addMessages(turn("late")));
    await failure(history.getMessages());
    await collectDump();
    await sessions.eraseUser(owner);
    await collectDump();
    await sessions.close();

    expect(tokens.size).toBe(6);
    expect(Object.keys(seen)).toEqual(
      expect.arrayContaining(["MONITOR", "Pub/Sub", "diagnostics_channel", "an error", "a session", "the dump"]),
    );
    expect(seen["MONITOR"]?.some((line) => line.startsWith("evalsha"))).toBe(true);
    expect(seen["an error"]?.length).toBeGreaterThan(60);
    expect(places(tokens)).toEqual([]);
  });

  test("control: what is searched for is found where a store keeps the token itself", async () => {
    const { token } = await new SessionStore({ client }).create({ userId: freshId(), agentId: "a" });
    await client.set(`session:${token}`, "ada");
    await client.hset(freshId(), "secret", token.slice(42, 85), "field", "value");
    await client.publish("endings", token);
    console.warn(new Error("unknown session", { cause: { token } }));
    const error = await client.eval("return redis.error_reply('ERR no')", 0, token).catch((reason: unknown) => reason);
    note("an error", show(error));
    await collectDump();
    await expect
      .poll(() => places([token]).toSorted())
      .toEqual(
        ["MONITOR", "Pub/Sub", "an error", "diagnostics_channel", "the console", "the dump", "the slow log"].toSorted(),
      );
  });

  test("control: the hash is what the dump has instead", async () => {
    const { token, session } = await new SessionStore({ client }).create({ userId: freshId(), agentId: "a" });
    const hash = await client.hget(`chat:user:{${token.slice(4, 20)}}:session:${session.id}`, "secret");
    expect((await dumped()).some((text) => text.includes(hash ?? "none"))).toBe(true);
  });
});
