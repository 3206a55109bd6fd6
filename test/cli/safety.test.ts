// What the program must not do: obey what a user wrote, show a secret, or destroy something unasked.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { closingIn } from "../support/closing.js";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { paced } from "../../src/cli/paced.js";
import { ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { freshId } from "../support/turns.js";
import { cli, cliInto, cliOnTerminal, cliWithDeafReader, objects, type Ran } from "./support/program.js";

const { single, guarded } = inject("servers");
const { closing, keep } = closingIn(afterAll);
const url = `redis://${single.host}:${single.port}`;
const client = keep(new Redis({ ...single }));
const keyPrefix = freshId();
const sessions = new SessionStore({ client, keyPrefix });
const folder = mkdtempSync(path.join(tmpdir(), "command-line-safety-"));
closing.push(() => rmSync(folder, { recursive: true, force: true }));
const run = (...args: string[]): Promise<Ran> => cli([...args, "--prefix", keyPrefix], { REDIS_URL: url });

/** Sets the title of a window, clears a screen (in one byte too), turns the order of letters around, and hides. */
const hostile = "\u001b]0;owned\u0007 \u009b2J \u202etxt.exe \u200b\u2028 \ud83d\ude00 é\r";
/** Of these, a terminal obeys some and shows none. */
const obeyed = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u;

let conversationId = "";
beforeAll(async () => {
  const { session } = await sessions.create({ userId: hostile, agentId: hostile, userAgent: hostile });
  await sessions.history(session).addMessages([new HumanMessage(`${hostile}\nsecond line`)]);
  ({ conversationId } = session);
  await sessions.conversations.rename(session, conversationId, hostile);
});

test("no control characters of users, agents, titles and texts are printed", async () => {
  const ran = await Promise.all([
    run("users"),
    run("sessions", hostile, "--texts"),
    run("conversations", hostile, "--texts", "--json"),
    run("show", hostile, conversationId, "--texts"),
    run("show", hostile, conversationId, "--texts", "--json"),
    run("export", hostile),
    run("end", `${hostile}x`, "--yes"),
    run(hostile),
  ]);
  for (const { out, err } of ran) {
    expect(out + err).not.toMatch(obeyed);
    expect(out + err).toContain("owned");
  }
  // Visible letters stay, and JSON is the same text for a program.
  expect(ran[3]?.out).toContain("\u{1f600} é");
  expect(objects(ran[2])).toMatchObject([{ title: hostile, agentId: hostile }]);
});

test("no session token is printed", async () => {
  const { token } = await sessions.create({ userId: "token-holder", agentId: "support" });
  const ran = await Promise.all([
    run("sessions", "token-holder", "--texts", "--json"),
    run("export", "token-holder"),
    run("sessions", token),
  ]);
  expect(ran.map(({ code }) => code)).toEqual([0, 0, 2]);
  for (const { out, err } of ran) {
    expect(out + err).not.toContain(token.slice(20));
    expect(out + err).not.toContain("lrs_");
  }
});

test("a password in an argument is refused, and one from the environment is used", async () => {
  const guardedUrl = `redis://limited@${guarded.host}:${guarded.port}`;
  const withPassword = guardedUrl.replace("@", ":limited@");
  const environment = { REDIS_PASSWORD: "limited" };
  const [argument, variable, inUrl, wrong] = await Promise.all([
    cli(["sessions", "ada", "--prefix", "app", "--url", withPassword], {}),
    cli(["sessions", "ada", "--prefix", "app", "--url", guardedUrl], environment),
    cli(["sessions", "ada", "--prefix", "app"], { REDIS_URL: withPassword }),
    cli(["sessions", "ada", "--prefix", "app", "--url", guardedUrl], { REDIS_PASSWORD: "secret-one" }),
  ]);
  expect([argument.code, variable.code, inUrl.code, wrong.code]).toEqual([2, 0, 0, 3]);
  const [inQuery, percent, decoded] = await Promise.all([
    cli(["sessions", "ada", "--url", `${guardedUrl}?password=limited`], {}),
    cli(["sessions", "ada", "--url", guardedUrl], { REDIS_PASSWORD: "100%" }),
    cli(["sessions", "ada", "--prefix", "app", "--url", guardedUrl], { REDIS_PASSWORD: "limi%74ed" }),
  ]);
  expect([inQuery.code, percent.code, decoded.code]).toEqual([2, 3, 3]);
  for (const { err } of [percent, decoded]) expect(err).toContain("WRONGPASS");
  expect(argument.err).toContain("REDIS_PASSWORD");
  expect(argument.err).not.toContain("limited");
  expect(wrong.err).not.toContain("secret-one");
});

test("a key ring that cannot be read is refused, and nothing of it is quoted", async () => {
  const file = path.join(folder, "ring.json");
  const refusedWith = async (content: string): Promise<string> => {
    writeFileSync(file, content);
    const { code, err } = await cli(["users"], { REDIS_URL: url, LANGCHAIN_REDIS_SESSIONS_KEYRING: file });
    expect(code).toBe(2);
    return err;
  };
  const key = "c2VjcmV0LWtleS10aGF0LWlzLXRvby1zaG9ydA";
  for (const content of [
    `{"current":"a","keys":{"a":"${key}"`,
    `["${key}"]`,
    `{"current":"a","keys":{"a":"${key}"}}`,
    // With data keys elsewhere: nothing is left open that would keep the program from ending.
    `{"current":"a","keys":{"a":"${key}"},"dataKeys":{"url":"${url}"}}`,
    `{"current":"a","keys":{"${key}_of_more_than_64_characters_that_is_where_its_id_belongs":"a"}}`,
    `{"current":"a","keys":{"${key}=":"a"}}`,
    `{"current":"a","keys":{"a":"${Buffer.alloc(32).toString("base64")}"},"dataKeys":{"url":"c2VjcmV0"}}`,
  ]) {
    expect(await refusedWith(content)).not.toContain("c2VjcmV0");
  }
  rmSync(file);
  expect(await cli(["users"], { REDIS_URL: url, LANGCHAIN_REDIS_SESSIONS_KEYRING: file })).toMatchObject({ code: 2 });
});

test("without --yes and a terminal nothing is ended or erased; on a terminal the user's id has to be typed", async () => {
  await sessions.create({ userId: "carol", agentId: "support" });
  const live = async (): Promise<number> => (await sessions.list({ userId: "carol" })).length;
  const unasked = await Promise.all([run("end", "carol"), run("erase", "carol"), run("end-everybody")]);
  for (const { code, out, err } of unasked) {
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain("Nothing was done");
  }
  const onTerminal = (typed: string): Promise<Ran> =>
    cliOnTerminal(["end", "carol", "--prefix", keyPrefix], { REDIS_URL: url }, typed);
  const refused = await Promise.all(["yes\n", "\u0004", "\u0003"].map(onTerminal));
  expect(refused.map(({ code }) => code)).toEqual([1, 1, 1]);
  for (const { out } of refused) expect(out).toContain("Nothing was done.");
  expect(await live()).toBe(1);
  const done = await onTerminal("carol\n");
  expect(done.out).toContain("Type carol to go on");
  expect(done.code).toBe(0);
  expect(await live()).toBe(0);
});

test("an id with a character that is not shown is confirmed as it is pasted", async () => {
  const userId = "zoe\u200d";
  await sessions.create({ userId, agentId: "support" });
  const ended = await cliOnTerminal(["end", userId, "--prefix", keyPrefix], { REDIS_URL: url }, `${userId}\n`);
  expect([ended.code, (await sessions.list({ userId })).length]).toEqual([0, 0]);
});

test("doctor refuses a prefix that no service can have", async () => {
  for (const prefix of ["", "{x}"]) {
    expect(await cli(["doctor", `--prefix=${prefix}`], { REDIS_URL: url })).toMatchObject({ code: 2, out: "" });
  }
});

test("a user that ended everywhere stays out for as long as --max-token-lifetime says", async () => {
  const owner = { userId: "dora", agentId: "support" };
  const long = new SessionStore({ client, keyPrefix, maxTokenLifetime: "30d" });
  await long.create(owner);
  expect((await run("end", "dora", "--yes", "--max-token-lifetime", "30d")).code).toBe(0);
  const { notBefore } = ownerKeys(keyPrefix, ownerTag("dora", undefined));
  expect(await client.ttl(notBefore)).toBeGreaterThan(29 * 86_400);
});

test("a reader that goes away ends the program quietly", async () => {
  const { session } = await sessions.create({ userId: "verbose", agentId: "support" });
  for (let batch = 0; batch < 4; batch++) {
    await sessions
      .history(session)
      .addMessages(Array.from({ length: 250 }, () => new HumanMessage("long ".repeat(500))));
  }
  const ran = await cliWithDeafReader(["export", "verbose", "--prefix", keyPrefix], { REDIS_URL: url });
  expect(ran).toEqual({ code: 141, err: "" });
});

test("a full disk ends the program with a message, because what it wrote is not whole", async () => {
  const ran = await cliInto("/dev/full", ["users", "--prefix", keyPrefix], { REDIS_URL: url });
  expect(ran).toEqual({
    code: 1,
    out: "",
    err: "The output could not be written and is not whole: ENOSPC: no space left on device, write\n",
  });
});

test("colours are for terminals only, and NO_COLOR turns them off", async () => {
  const environment = { REDIS_URL: url, TERM: "xterm" };
  const [piped, seen, plain] = await Promise.all([
    cli(["doctor"], environment),
    cliOnTerminal(["doctor"], environment),
    cliOnTerminal(["doctor"], { ...environment, NO_COLOR: "1" }),
  ]);
  expect(piped.out).not.toContain("\u001b");
  expect(seen.out).toContain("\u001b[32mok");
  expect(plain.out).not.toContain("\u001b");
});

test("the exit code says whether the command line, Redis or the work was at fault", async () => {
  const [port = 0] = await findFreePorts(1);
  const away = { REDIS_URL: `redis://127.0.0.1:${port}` };
  const ran = await Promise.all([
    cli(["--help"], {}),
    cli(["show", "--help"], {}),
    cli(["users"], {}),
    cli(["users"], { REDIS_URL: "nonsense" }),
    cli(["nonsense"], { REDIS_URL: url }),
    cli(["sessions"], { REDIS_URL: url }),
    cli(["users", "--texts"], { REDIS_URL: url }),
    cli(["users", "--prefix", "{"], { REDIS_URL: url }),
    cli(["reseal"], { REDIS_URL: url }),
    cli(["users"], away),
    run("show", "ada", "nonsense"),
  ]);
  expect(ran.map(({ code }) => code)).toEqual([0, 0, 2, 2, 2, 2, 2, 2, 2, 3, 1]);
  for (const { code, out, err } of ran) expect([out === "", err === ""]).toEqual([code !== 0, code === 0]);
});

test("a scan rests for as long as it works", async () => {
  const busy = async function* (): AsyncGenerator<number> {
    for (let step = 0; step < 5; step++) {
      const until = performance.now() + 10;
      while (performance.now() < until);
      yield step;
    }
  };
  const began = performance.now();
  const steps: number[] = [];
  for await (const step of paced(busy())) steps.push(step);
  expect(steps).toEqual([0, 1, 2, 3, 4]);
  // A lower bound, which a busy machine cannot miss: 50 ms of work, and as much of rest.
  expect(performance.now() - began).toBeGreaterThan(95);
});
