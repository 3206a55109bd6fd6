// On a terminal, long work shows how far it is, on one line that is gone at the end. Anywhere else nothing of that is seen.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { historyKeys } from "../../src/redis/keys.js";
import { removeKeys } from "../sessions/support/stored-keys.js";
import { closingIn } from "../support/closing.js";
import { freshId } from "../support/turns.js";
import { cli, cliOnTerminal, objects } from "./support/program.js";

const CLEAR_LINE = "\r\u001b[K";
/** Enough for several steps of a scan. */
const HISTORIES = 5_000;
const USERS = 40;

const { single } = inject("servers");
const { closing, keep } = closingIn(afterAll);
const client = keep(new Redis({ ...single }));
const keyPrefix = freshId();
const all = (...args: string[]): string[] => [...args, "--prefix", keyPrefix];

beforeAll(async () => {
  closing.push(() => removeKeys(client, `${keyPrefix}:*`));
  const pipeline = client.pipeline();
  for (let number = 0; number < HISTORIES; number++) {
    pipeline.rpush(historyKeys(keyPrefix, `${number}`).messages, '{"type":"human","data":{"content":"Hi"},"at":1}');
  }
  await pipeline.exec();
  const sessions = new SessionStore({ client, keyPrefix });
  const users = Array.from({ length: USERS }, (_, number) => ({ userId: `user-${number}`, agentId: "support" }));
  await Promise.all(users.map((user) => sessions.create(user)));
});

const folder = mkdtempSync(path.join(tmpdir(), "command-line-progress-"));
closing.push(() => rmSync(folder, { recursive: true, force: true }));
const ring = path.join(folder, "ring.json");
writeFileSync(ring, JSON.stringify({ current: "a", keys: { a: randomBytes(32).toString("base64") } }), { mode: 0o600 });
const environment = {
  REDIS_URL: `redis://${single.host}:${single.port}`,
  LANGCHAIN_REDIS_SESSIONS_KEYRING: ring,
};

/** What a terminal was sent: the lines of progress, one over the other, and what came after the last of them was cleared. */
function seen(out: string): { progress: string[]; rest: string } {
  const parts = out.split(CLEAR_LINE);
  return { progress: parts.slice(1, -1), rest: parts.at(-1) ?? "" };
}

const numbersOf = (progress: readonly string[]): number[] => progress.map((line) => Number(/\d+/.exec(line)?.[0]));

describe.each([
  { command: "stats", shows: /^\d+ keys$/u, result: "users" },
  { command: "reseal", shows: /^\d+ keys, \d+ values sealed$/u, result: "values were sealed, and 0 were skipped.\r\n" },
])("$command", ({ command, shows, result }) => {
  test("shows on a terminal how far it is, and in the end its result alone", async () => {
    const { code, out } = await cliOnTerminal(all(command), environment);
    expect(code, out).toBe(0);
    const { progress, rest } = seen(out);
    for (const line of progress) expect(line).toMatch(shows);
    const numbers = numbersOf(progress);
    expect(new Set(numbers).size).toBeGreaterThan(2);
    expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
    expect(numbers.at(-1)).toBeGreaterThanOrEqual(HISTORIES);
    expect(rest).toContain(result);
  });

  test("shows nothing of that to a program", async () => {
    const { code, out, err } = await cli(all(command, "--json"), environment);
    expect([code, err]).toEqual([0, ""]);
    expect(objects({ code, out, err }).length).toBeGreaterThan(0);
    expect(out).not.toContain("\r");
  });
});

test("users shows on a terminal its rows, which are progress enough", async () => {
  const { code, out } = await cliOnTerminal(all("users"), environment);
  expect(code, out).toBe(0);
  expect(out).not.toContain(CLEAR_LINE);
  expect(out.split("\n").length).toBeGreaterThan(USERS);
});

test("end-everybody shows on a terminal whom it has ended so far", async () => {
  const { code, out } = await cliOnTerminal(all("end-everybody"), environment, "everybody\n");
  expect(code, out).toBe(0);
  const { progress, rest } = seen(out);
  expect(progress.at(-1)).toBe(`${USERS} users, ${USERS} sessions`);
  expect(rest).toContain(`${USERS} sessions of ${USERS} users were ended.`);
});
