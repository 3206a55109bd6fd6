// The service as a program: started, stopped in the middle of things, started again.
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { startRedis } from "langchain-redis-sessions/testing";
import { lines } from "../runnables/support/conversation.js";
import { type ChildService, startChildService } from "./support/child-service.js";
import { all, firstSaid, told } from "./support/sent-events.js";
import { Visitor } from "./support/visitor.js";

// A program takes seconds to start on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
const running: ChildService[] = [];
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "chat-server-"));
});
afterEach(async () => {
  for (const service of running.splice(0)) if (service.process.exitCode === null) await service.end();
  rmSync(folder, { recursive: true, force: true });
});

async function started(environment: Readonly<Record<string, string>> = {}): Promise<ChildService> {
  const service = await startChildService({ DATA_DIR: folder, ...environment });
  running.push(service);
  return service;
}

/** What the service has left of Ada in its folder, read without it: which of her sessions live, and what was said. */
async function left({ conversationId }: Visitor["session"]): Promise<{ live: string[]; said: string[] }> {
  await using redis = await startRedis({ dataDir: path.join(folder, "redis") });
  const client = new Redis(redis.url);
  const sessions = new SessionStore({ client });
  const ada = { userId: "ada" };
  const [live, stored] = await Promise.all([sessions.list(ada), sessions.conversations.messages(ada, conversationId)]);
  await client.quit();
  return { live: live.map(({ id }) => id), said: lines(stored.map(({ message }) => message)) };
}

test("restarted or killed, it has everything: who is signed in, sessions, conversations, memory", async () => {
  const first = await started();
  expect(first.printed().stdout).toMatch(/Open +http:\/\/127\.0\.0\.1:\d+\n/);
  expect(first.printed().stdout).toMatch(/Sign in +as Ada Lovelace or Bob Kahn/);
  expect(first.printed().stdout).toContain(folder);
  expect(statSync(path.join(folder, "identity.key")).mode & 0o777, "only its owner can read its key").toBe(0o600);
  const ada = await Visitor.inSession(first.url);
  await ada.say("My name is Ada.");
  await ada.say("Remember that I like tea.");
  expect(await first.end()).toBe(0);

  const second = await started();
  const later = ada.at(second.url);
  expect((await later.send("/session")).json.session.id).toBe(ada.session.id);
  expect((await later.stored())[0]).toBe("human: My name is Ada.");
  expect((await later.say("What is my name?")).json).toEqual({ response: "Your name is Ada.", messageCount: 8 });
  second.process.kill("SIGKILL");
  await expect.poll(() => second.process.signalCode).toBe("SIGKILL");

  const third = await started();
  const last = ada.at(third.url);
  await expect.poll(() => last.stored()).toHaveLength(8);
  expect((await last.say("What do you remember?")).json.response).toBe("I remember that I like tea.");
});

test("told to stop, it lets an answer come to its end, takes no new one, and keeps the session", async () => {
  const service = await started({ MODEL_PACE: "10" });
  const ada = await Visitor.inSession(service.url);
  const { events } = await ada.listen("Tell me a long story.");
  await events.next();
  const page = await ada.fetch("/session/events");
  const ended = service.end();
  const heard = await all(events);
  expect(heard.at(-1)).toMatchObject({ event: "end", data: { end: "stored" } });
  await page.text();
  // Over a connection that is still there it says so; there are no new ones.
  const { status, headers } = await fetch(`${service.url}/health`).catch(() => new Response(null, { status: 503 }));
  expect(status).toBe(503);
  expect(headers.get("Connection") ?? "close").toBe("close");
  expect(await ended).toBe(0);

  const { live, said } = await left(ada.session);
  expect(live).toEqual([ada.session.id]);
  expect(said).toEqual([
    "human: Tell me a long story.",
    expect.stringMatching(/^ai: Once.*there still\.$|^ai: Once.*still\.$/s),
  ]);
});

test("an answer that does not come to its end in time is stopped, told, and stored as far as it came", async () => {
  const service = await started({ MODEL_PACE: "100", SHUTDOWN_TIMEOUT: "1s" });
  const ada = await Visitor.inSession(service.url);
  const { events } = await ada.listen("Tell me a long story.");
  await firstSaid(events);
  const ended = service.end();
  expect((await told(events)).slice(-2)).toEqual(["problem SHUTTING_DOWN", "end interrupted"]);
  expect(await ended).toBe(0);

  const { said } = await left(ada.session);
  expect(said).toEqual(["human: Tell me a long story.", expect.stringMatching(/^ai!: Once upon/)]);
});

test("told to stop while Redis is gone, it stops", async () => {
  const service = await started({ REDIS_URL: "redis://127.0.0.1:1" });
  const health = await fetch(`${service.url}/health`);
  expect(health.status).toBe(503);
  expect(await health.json()).toMatchObject({ code: "STORE_UNAVAILABLE", detail: "Redis does not answer." });
  const begun = performance.now();
  expect(await service.end()).toBe(0);
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(service.printed().stderr).toMatch(/"event":"redis connection","code":"ECONNREFUSED"/);
});

test.each([
  { redis: "a Redis that is gone", refuses: true },
  { redis: "a Redis that takes connections and closes them", refuses: false },
])("started with $redis, it says so, without the password, and works when Redis is there", async ({ refuses }) => {
  const { host, port } = inject("servers").single;
  const link = createServer((near) => {
    near.on("error", () => {});
    if (there) near.pipe(connect(port, host)).pipe(near);
    else near.destroy();
  });
  const listen = async (): Promise<void> => {
    link.listen(address?.port ?? 0, "127.0.0.1");
    await once(link, "listening");
  };
  let there = false;
  let address: AddressInfo | undefined;
  await listen();
  address = link.address() as AddressInfo;
  if (refuses) link.close();
  const service = await started({
    REDIS_URL: `redis://:hidden@127.0.0.1:${address.port}`,
    KEY_PREFIX: path.basename(folder),
  });
  const { stdout } = service.printed();
  expect(stdout).toContain(`yours, 127.0.0.1:${address.port} (REDIS_URL)`);
  // Of a connection that was taken and closed the code varies.
  expect(stdout).toMatch(refuses ? /NOT REACHABLE \(ECONNREFUSED\)/ : /NOT REACHABLE \(\w+\)/);

  there = true;
  if (refuses) await listen();
  await expect.poll(async () => (await fetch(`${service.url}/health`)).status, { timeout: 20_000 }).toBe(200);
  const ada = await Visitor.inSession(service.url);
  expect((await ada.say("My name is Ada.")).status).toBe(200);
  expect(service.printed().stderr).toContain('"event":"redis connected"');
  expect(await service.end()).toBe(0);
  link.close();
  expect(Object.values(service.printed()).join("")).not.toContain("hidden");
});

test("a port that is taken, a folder that is in use and settings that are wrong are told, and nothing is left", async () => {
  const squatter = createServer();
  await new Promise<void>((resolve) => {
    squatter.listen(0, "127.0.0.1", resolve);
  });
  const { port } = squatter.address() as AddressInfo;
  const service = await started();
  const another = path.join(folder, "another");
  await Promise.all([
    expect(started({ PORT: String(port), DATA_DIR: another })).rejects.toThrow(
      `Port ${port} is taken. Choose another: PORT=${port + 1} npm start`,
    ),
    expect(started({ REDIS_URL: "redis://a b" })).rejects.toThrow(/cannot be used:\n\n {2}REDIS_URL: use redis:/),
    expect(started({ IDLE_TIMEOUT: "soon" })).rejects.toThrow(/IDLE_TIMEOUT: use a length of time such as 30s/),
    expect(started()).rejects.toThrow(`Another chat server (process ${service.process.pid}) keeps its data in`),
  ]);
  squatter.close();
  expect(await service.end()).toBe(0);
  for (const place of [folder, another]) expect(readdirSync(place)).not.toContain("lock");
});
