// The service as a program: started, stopped in the middle of things, started again.
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ChildService, startChildService } from "./support/child-service.js";
import { all } from "./support/sent-events.js";
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

test("it says how to go on, and only its owner can read its key", async () => {
  const { url, printed, end } = await started();
  expect(printed().stdout).toMatch(/Open +http:\/\/127\.0\.0\.1:\d+\n/);
  expect(printed().stdout).toMatch(/Sign in +as Ada Lovelace or Bob Kahn/);
  expect(printed().stdout).toContain(folder);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  expect(statSync(path.join(folder, "identity.key")).mode & 0o777).toBe(0o600);
  expect(await end()).toBe(0);
});

test("restarted, it has everything: who is signed in, sessions, conversations, memory", async () => {
  const before = await started();
  const ada = await Visitor.inSession(before.url);
  await ada.say("My name is Ada.");
  await ada.say("Remember that I like tea.");
  expect(await before.end()).toBe(0);

  const after = await started();
  const again = new Visitor(after.url, ada.jwt);
  again.token = ada.token;
  again.session = ada.session;
  expect((await again.send("/session")).json.session.id).toBe(ada.session.id);
  expect((await again.stored())[0]).toBe("human: My name is Ada.");
  expect((await again.say("What is my name?")).json).toEqual({ response: "Your name is Ada.", messageCount: 8 });
  expect((await again.say("What do you remember?")).json.response).toBe("I remember that I like tea.");
});

test("killed without a warning, it has all that it acknowledged, and its folder is free again", async () => {
  const before = await started();
  const ada = await Visitor.inSession(before.url);
  await ada.say("My name is Ada.");
  before.process.kill("SIGKILL");
  await expect.poll(() => before.process.signalCode).toBe("SIGKILL");
  const after = await started();
  const again = new Visitor(after.url, ada.jwt);
  again.token = ada.token;
  again.session = ada.session;
  await expect.poll(() => again.stored()).toEqual(["human: My name is Ada.", "ai: Nice to meet you, Ada."]);
});

test("told to stop, it lets an answer come to its end, takes no new one, and keeps the session", async () => {
  const service = await started({ MODEL_PACE: "10" });
  const ada = await Visitor.inSession(service.url);
  const { events } = await ada.listen("Tell me a long story.");
  await events.next();
  const page = await ada.fetch("/session/events");
  const ended = service.end();
  const heard = await all(events);
  expect(heard.at(-1)).toMatchObject({ event: "done", data: { messageCount: 2 } });
  await page.text();
  // Over a connection that is still there it says so; there are no new ones.
  const { status, headers } = await fetch(`${service.url}/health`).catch(() => new Response(null, { status: 503 }));
  expect(status).toBe(503);
  expect(headers.get("Connection") ?? "close").toBe("close");
  expect(await ended).toBe(0);

  const after = await started();
  const again = new Visitor(after.url, ada.jwt);
  again.token = ada.token;
  again.session = ada.session;
  expect(await again.stored()).toEqual([
    "human: Tell me a long story.",
    expect.stringMatching(/^ai: Once.*there still\.$|^ai: Once.*still\.$/s),
  ]);
});

test("an answer that does not come to its end in time is stopped, told, and stored as far as it came", async () => {
  const service = await started({ MODEL_PACE: "100", SHUTDOWN_TIMEOUT: "1s" });
  const ada = await Visitor.inSession(service.url);
  const { events } = await ada.listen("Tell me a long story.");
  await events.next();
  const ended = service.end();
  expect((await all(events)).at(-1)).toMatchObject({ event: "problem", data: { status: 503, code: "SHUTTING_DOWN" } });
  expect(await ended).toBe(0);

  const after = await started();
  const again = new Visitor(after.url, ada.jwt);
  again.token = ada.token;
  again.session = ada.session;
  expect(await again.stored()).toEqual(["human: Tell me a long story.", expect.stringMatching(/^ai!: Once upon/)]);
});

test("told to stop while Redis is gone, it stops", async () => {
  const service = await started({ REDIS_URL: "redis://127.0.0.1:1" });
  expect((await fetch(`${service.url}/health`)).status).toBe(503);
  const begun = performance.now();
  expect(await service.end()).toBe(0);
  expect(performance.now() - begun).toBeLessThan(10_000);
  expect(service.printed().stderr).toMatch(/"event":"redis connection","code":"ECONNREFUSED"/);
});

test("a port that is taken, a folder that is in use and settings that are wrong are told, and nothing is left", async () => {
  const squatter = createServer();
  await new Promise<void>((resolve) => {
    squatter.listen(0, "127.0.0.1", resolve);
  });
  const { port } = squatter.address() as AddressInfo;
  await expect(started({ PORT: String(port) })).rejects.toThrow(
    `Port ${port} is taken. Choose another: PORT=${port + 1} npm start`,
  );
  squatter.close();
  await expect(started({ IDLE_TIMEOUT: "soon" })).rejects.toThrow(/IDLE_TIMEOUT: use a length of time such as 30s/);
  const service = await started();
  await expect(started()).rejects.toThrow(`Another chat server (process ${service.process.pid}) keeps its data in`);
  expect(await service.end()).toBe(0);
});
