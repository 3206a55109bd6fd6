// Each command as an operator runs it: the program, against a real Redis and a real Cluster.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { afterAll, describe, expect, inject, test } from "vitest";
import { AgentMemory, keyring, RedisChatMessageHistory, redisDataKeys, SessionStore } from "langchain-redis-sessions";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { newId } from "../../src/options/ids.js";
import { closingIn } from "../support/closing.js";
import { freshId, turn } from "../support/turns.js";
import { type Client, onOneRedis, topologies } from "../support/topologies.js";
import { cli, objects, type Ran } from "./support/program.js";

const { single, cluster } = inject("servers");
const { closing, keep } = closingIn(afterAll);
const folder = mkdtempSync(path.join(tmpdir(), "key-rings-"));
closing.push(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file with a key ring, and returns its path. */
function ringFile(content: unknown): string {
  const file = path.join(folder, `${freshId()}.json`);
  writeFileSync(file, JSON.stringify(content), { mode: 0o600 });
  return file;
}

const urlOf = (client: Client): string => {
  const { host, port } = client.isCluster ? (cluster[1] ?? single) : single;
  return `redis://${host}:${port}`;
};

interface Seeded {
  readonly sessions: SessionStore;
  readonly conversationId: string;
  readonly keyPrefix: string;
  readonly run: (...args: string[]) => Promise<Ran>;
  /** Runs a command with a file that holds this key ring. */
  readonly withRing: (ring: object, ...args: string[]) => Promise<Ran>;
}

/** Ada has two sessions, a conversation of three messages with a title, and a memory; Bob of acme has a session. */
async function seeded(client: Client): Promise<Seeded> {
  const keyPrefix = freshId();
  const sessions = new SessionStore({ client, keyPrefix });
  const ada = { userId: "ada", agentId: "support" };
  const { session } = await sessions.create({ ...ada, ipAddress: "192.0.2.1", metadata: { theme: "dark" } });
  await sessions.create(ada);
  await sessions.create({ userId: "bob", orgId: "acme", agentId: "support" });
  const call = { id: "1", name: "search", args: { query: "Rome" } };
  await sessions
    .history(session)
    .addMessages([
      new HumanMessage("Where to?\n#1  faked"),
      new AIMessage({ content: "", tool_calls: [call] }),
      new AIMessage("Rome"),
    ]);
  await sessions.conversations.rename(ada, session.conversationId, "A trip");
  await sessions.memory(session).set("likes", "pizza");
  const run = (...args: string[]): Promise<Ran> => cli([...args, "--prefix", keyPrefix], { REDIS_URL: urlOf(client) });
  const withRing = (ring: object, ...args: string[]): Promise<Ran> =>
    cli([...args, "--prefix", keyPrefix], {
      REDIS_URL: urlOf(client),
      LANGCHAIN_REDIS_SESSIONS_KEYRING: ringFile(ring),
    });
  return { keyPrefix, sessions, conversationId: session.conversationId, run, withRing };
}

const client = keep(onOneRedis.connect());
describe.each(topologies.filter(({ name }) => name.endsWith("ioredis 6")))("on $name", ({ connect }) => {
  const on = keep(connect());

  test("users, stats, sessions and conversations list what is there, without what people wrote", async () => {
    const { run, conversationId } = await seeded(on);
    const [users, stats, sessions, conversations] = await Promise.all([
      run("users", "--json"),
      run("stats", "--json"),
      run("sessions", "ada", "--json"),
      run("conversations", "ada", "--json"),
    ]);
    const tag = expect.stringMatching(/^[\w-]{16}$/);
    expect(objects(users).toSorted((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)))).toEqual([
      { userId: "ada", sessions: 2, conversations: 1, tag },
      { userId: "bob", orgId: "acme", sessions: 1, conversations: 0, tag },
    ]);
    expect(objects(stats)).toEqual(
      expect.arrayContaining([
        { what: "users", count: 2 },
        expect.objectContaining({ what: "sessions", count: 3 }),
        expect.objectContaining({ what: "conversations", count: 1, messages: 3, bytes: expect.any(Number) }),
        expect.objectContaining({ what: "memories", count: 1 }),
        { what: "histories alone", count: 0, keys: 0 },
      ]),
    );
    const [first, second, ...more] = objects(sessions) as Record<string, unknown>[];
    expect(first).toMatchObject({ userId: "ada", conversationId, messageCount: 3 });
    expect(second).toMatchObject({ messageCount: 0 });
    expect(more).toEqual([]);
    expect(objects(conversations)).toMatchObject([{ id: conversationId, agentId: "support", messageCount: 3 }]);
    const everything = [users, stats, sessions, conversations].map(({ out }) => out).join("");
    for (const text of ["A trip", "192.0.2.1", "dark", "Rome"]) expect(everything).not.toContain(text);
  });

  test("end ends one user's sessions, end-everybody all, and erase leaves nothing", async () => {
    const { run, sessions } = await seeded(on);
    expect(await run("end", "bob", "--yes")).toMatchObject({
      code: 0,
      out: "0 sessions of bob (no organisation) were ended.\n",
    });
    expect(await run("end", "bob", "--org", "acme", "--yes", "--json")).toMatchObject({
      code: 0,
      out: '{"ended":1}\n',
    });
    expect(await sessions.list({ userId: "ada" })).toHaveLength(2);
    expect(objects(await run("end-everybody", "--yes", "--json"))).toEqual([{ owners: 1, sessions: 2 }]);
    expect(await sessions.list({ userId: "ada" })).toEqual([]);
    expect((await run("erase", "ada", "--yes")).out).toBe(
      "Removed for ada (no organisation): 0 sessions, 1 conversations, 1 memories, 0 threads, 0 items.\n",
    );
    expect(await sessions.conversations.list({ userId: "ada" })).toEqual([]);
  });
});

test("show says who spoke when; texts, titles and addresses come with --texts alone", async () => {
  const { run, conversationId } = await seeded(client);
  const [plain, full, json, sessions, conversations] = await Promise.all([
    run("show", "ada", conversationId),
    run("show", "ada", conversationId, "--texts"),
    run("show", "ada", conversationId, "--texts", "--json"),
    run("sessions", "ada", "--texts"),
    run("conversations", "ada", "--texts"),
  ]);
  const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g;
  expect(plain.out.replaceAll(time, "(time)").split("\n")).toEqual([
    "#0  (time)  human  19 characters",
    "#1  (time)  ai  0 characters, 1 tool call",
    "#2  (time)  ai  4 characters",
    "",
  ]);
  expect(full.out.replaceAll(time, "(time)").split("\n")).toEqual([
    "#0  (time)  human  19 characters",
    "    Where to?",
    "    #1  faked",
    "#1  (time)  ai  0 characters, 1 tool call",
    '    calls search {"query":"Rome"}',
    "#2  (time)  ai  4 characters",
    "    Rome",
    "",
  ]);
  expect(objects(json)).toMatchObject([{ index: 0 }, { toolCalls: 1 }, { message: { data: { content: "Rome" } } }]);
  expect(sessions.out).toContain("192.0.2.1");
  expect(conversations.out).toContain("A trip");
});

test("an id that begins with a dash is an id, as it is pasted", async () => {
  const { run, sessions, conversationId } = await seeded(client);
  const owner = { userId: "-ada", orgId: "-acme" };
  const record = await sessions.conversations.export({ userId: "ada" }, conversationId);
  const ids = ["fb", "fbef"].map((start) => newId("conversation", Buffer.from(start.padEnd(24, "0"), "hex")));
  expect(ids.map((id) => /^-*/.exec(id)?.[0])).toEqual(["-", "--"]);
  for (const id of ids) await sessions.conversations.import(owner, record, { id });
  for (const id of ids) {
    const shown = objects(await run("show", "-ada", id, "--org", "-acme", "--texts", "--json"));
    expect(shown).toMatchObject([{ index: 0 }, { toolCalls: 1 }, { message: expect.anything() }]);
  }
  expect((await run("end", "-h", "--yes")).out).toMatch(/^langchain-redis-sessions end <user>/);
  expect((await run("sessions", "ada", "--unknown")).err).toContain("Unknown option '--unknown'");
});

test("a conversation whose record was lost is listed without its times, and those behind it are listed", async () => {
  const { run, sessions, conversationId, keyPrefix } = await seeded(client);
  const { session } = await sessions.create({ userId: "ada", agentId: "support" });
  await sessions.history(session).addMessages(turn("later"));
  const keys = ownerKeys(keyPrefix, ownerTag("ada", undefined));
  for (const id of [conversationId, session.conversationId]) {
    await client.del(keys.conversation(id));
    const listed = await run("conversations", "ada", "--json");
    expect(listed).toMatchObject({ code: 0, err: "" });
    expect(objects(listed)).toMatchObject([{ id: session.conversationId }, { id: conversationId }]);
  }
  const nobody = await cli(["users", "--prefix", `${keyPrefix}-none`], { REDIS_URL: urlOf(client) });
  expect(nobody.out).toContain("No user has data under the prefix");
});

test("show reads a conversation of several pages in order, each message once", async () => {
  const { run, sessions } = await seeded(client);
  const { session } = await sessions.create({ userId: "eve", agentId: "support" });
  await sessions.history(session).addMessages(Array.from({ length: 250 }, (_, at) => new HumanMessage(`m${at}`)));
  const shown = objects(await run("show", "eve", session.conversationId, "--json", "--texts"));
  expect(shown).toMatchObject(
    Array.from({ length: 250 }, (_, index) => ({ index, message: { data: { content: `m${index}` } } })),
  );
});

test("export prints what exportUser yields", async () => {
  const { run, sessions } = await seeded(client);
  const exported = objects(await run("export", "ada"));
  const expected: unknown[] = [];
  for await (const record of sessions.exportUser({ userId: "ada" })) expected.push(JSON.parse(JSON.stringify(record)));
  expect(exported).toEqual(expected);
  expect(exported).toHaveLength(4);
});

test("reseal seals what is plain, rewrap changes the key that wraps, and show reads it with the ring alone", async () => {
  const { run, withRing, conversationId } = await seeded(client);
  const keys = { old: randomBytes(32).toString("base64"), new: randomBytes(32).toString("base64") };
  const ring = { current: "new", keys, acceptPlaintext: true };
  expect(objects(await withRing({ ...ring, current: "old" }, "reseal", "--json"))).toEqual([{ sealed: 7, skipped: 0 }]);
  expect(objects(await withRing(ring, "rewrap", "--json"))).toEqual([{ rewrapped: 1, wrappedBy: { new: 1 } }]);
  expect((await withRing(ring, "show", "ada", conversationId, "--texts")).out).toContain("Rome");
  const [without, sessions, conversations] = await Promise.all([
    run("show", "ada", conversationId),
    run("sessions", "ada", "--json"),
    run("conversations", "ada", "--json"),
  ]);
  expect(without).toMatchObject({ code: 1, out: "" });
  expect(without.err).toMatch(/sealed[^]*set LANGCHAIN_REDIS_SESSIONS_KEYRING/);
  // What is never sealed needs no key.
  expect([objects(sessions).length, objects(conversations).length]).toEqual([2, 1]);
});

test("erase destroys a data key that is kept elsewhere, and does nothing where it cannot reach it", async () => {
  const { keyPrefix, withRing, run } = await seeded(client);
  const kept = freshId();
  const ring = { current: "a", keys: { a: randomBytes(32).toString("base64") } };
  const elsewhere = { ...ring, dataKeys: { url: urlOf(client), keyPrefix: kept } };
  const dataKeys = redisDataKeys({ client, keyPrefix: kept });
  const sessions = new SessionStore({ client, keyPrefix, encryption: keyring({ ...ring, dataKeys }) });
  const { session } = await sessions.create({ userId: "eve", agentId: "support" });
  await sessions.history(session).addMessages(turn("Hi"));
  const keysLeft = (): Promise<string[]> => client.keys(`${kept}:*`);
  expect(await keysLeft()).toHaveLength(1);
  for (const refused of [await run("erase", "eve", "--yes"), await withRing(ring, "erase", "eve", "--yes")]) {
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.err).toContain("kept elsewhere");
  }
  expect(await sessions.list({ userId: "eve" })).toHaveLength(1);
  expect(await withRing(elsewhere, "erase", "eve", "--yes")).toMatchObject({ code: 0 });
  expect(await keysLeft()).toEqual([]);
});

test("stats counts what stands alone too, and users shows a tag where no session tells who it is", async () => {
  const { keyPrefix, run, sessions } = await seeded(client);
  await new RedisChatMessageHistory({ client, keyPrefix, sessionId: "alone" }).addMessages(turn("Hi"));
  await new AgentMemory({ client, keyPrefix, namespace: "alone" }).set("a", 1);
  await sessions.endAll({ userId: "ada" });
  // A record that somebody altered names nobody.
  const forged = ownerKeys(keyPrefix, ownerTag("bob", "acme"));
  const [session = ""] = await client.zrange(forged.sessions, "0", "0");
  await client.hset(forged.session(session), "userId", "mallory");
  const [users, stats] = await Promise.all([run("users", "--json"), run("stats", "--json")]);
  const unnamed = objects(users).map((one) => [(one as { userId?: string }).userId, (one as { tag: string }).tag]);
  const tags = [ownerTag("ada", undefined), ownerTag("bob", "acme")];
  expect(new Set(unnamed.map(([, tag]) => tag))).toEqual(new Set(tags));
  expect(unnamed.map(([userId]) => userId)).toEqual([undefined, undefined]);
  expect(objects(stats)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ what: "histories alone", count: 1, messages: 2 }),
      expect.objectContaining({ what: "memories alone", count: 1 }),
    ]),
  );
});
