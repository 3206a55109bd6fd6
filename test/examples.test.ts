import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startRedis } from "langchain-redis-sessions/testing";
import { builtProgram } from "./support/built-program.js";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..");

/** What an example prints that starts a Redis of its own, and needs no model of anybody's. */
async function outputOf(example: string): Promise<string> {
  const { REDIS_URL: _, OPENAI_API_KEY: __, ...environment } = process.env;
  const { stdout, stderr } = await run(process.execPath, [builtProgram(`examples/${example}.ts`)], {
    cwd: root,
    env: environment,
  });
  expect(stderr).toBe("");
  return stdout;
}

/** How an example ends with a REDIS_URL that is of no use. */
async function endOf(example: string, url: string): Promise<{ code: unknown; stderr: string }> {
  const failure: unknown = await run(process.execPath, [builtProgram(`examples/${example}.ts`)], {
    cwd: root,
    env: { ...process.env, REDIS_URL: url },
  }).catch((error: unknown) => error);
  return failure as { code: unknown; stderr: string };
}
const advice = "Correct REDIS_URL, start that Redis, or unset REDIS_URL: then the example starts a Redis of its own.";

test.each(["quickstart", "chain", "agent", "graph", "edit", "answers", "private", "sessions", "classic", "memory"])(
  "examples/%s.ts ends with a plain sentence, and no stack, where no Redis answers",
  async (example) => {
    expect(await endOf(example, "redis://:hidden@127.0.0.1:1")).toMatchObject({
      code: 1,
      stderr: `\nREDIS_URL is set, but no Redis answers at 127.0.0.1:1. ${advice}\n\n`,
    });
  },
);

test("an example ends with a plain sentence if REDIS_URL is not a URL, or leads to an unusable Redis", async () => {
  // It answers, and serves no key.
  await using node = await startRedis({ args: ["--cluster-enabled", "yes"] });
  const [noUrl, noUse] = await Promise.all([endOf("sessions", "localhost:6379"), endOf("sessions", node.url)]);
  expect(noUrl).toMatchObject({
    code: 1,
    stderr: `\nREDIS_URL is set, but is not a URL such as redis://127.0.0.1:6379. ${advice}\n\n`,
  });
  expect(noUse.code).toBe(1);
  expect(noUse.stderr).toMatch(
    /^\nRedis refused the script session\.create \(CLUSTERDOWN\)[^\n]+ Correct REDIS_URL[^\n]+\n\n$/,
  );
});

test("examples/sessions.ts shows a limit, a rotation, a log-out everywhere and a resumed conversation", async () => {
  const stdout = await outputOf("sessions");
  for (const line of [
    /laptop +refused: evicted/,
    /old token +refused: rotated/,
    /new token +live until/,
    /2 sessions ended/,
    /model call: The session is no longer live: ended/,
    /Bob's desktop +live until/,
    /human +Remember: the meeting is on Friday\./,
    /1 session, 1 conversation; 1 session, 0 conversations/,
  ]) {
    expect(stdout).toMatch(line);
  }
});

test("examples/answers.ts shows an answer that is followed, a process that is killed, and the question asked again", async () => {
  const stdout = await outputOf("answers");
  for (const line of [
    /first +says +Once upon a time[^\n]*\n[\s\S]*redis +1 +human +Tell me a long story\.\n/,
    /second +hears +[\s\S]*second +hears +the end: interrupted\n/,
    /third +finds the question "Tell me a long story\.", interrupted\n[\s\S]*third +is done\n/,
    /the whole answer\n\n +redis +1 +human +Tell me a long story\.\n +redis +2 +ai +Once upon a time[^\n]*\n\s*$/,
  ]) {
    expect(stdout).toMatch(line);
  }
}, 90_000);

test("examples/chain.ts shows a stream, one that is stopped, and an outage that loses no answer", async () => {
  const stdout = await outputOf("chain");
  for (const line of [
    /ai +Nice to meet you, Ada\./,
    /redis +ai +Once upon a time there was a list in +\(interrupted\)/,
    /error +TURN_NOT_STORED/,
    /retry +stored, once/,
  ]) {
    expect(stdout).toMatch(line);
  }
  expect(stdout.split("Redis goes silent")[1]?.match(/redis +human +What is my name\?/g)).toHaveLength(1);
});

test("examples/agent.ts shows a tool that is called, another agent that goes on, and a sign-out that stops an answer", async () => {
  const stdout = await outputOf("agent");
  for (const line of [
    /ai +\(time_in: \d\d:\d\d\) It is \d\d:\d\d\./,
    /redis +ai +\[\{"name":"time_in"/,
    /ai +Your name is Ada\./,
    /error +The session is no longer live: ended/,
    /6 messages, as before/,
  ]) {
    expect(stdout).toMatch(line);
  }
});

test("examples/graph.ts shows a tool that one process asks to run, and that runs in another, once a person approved", async () => {
  const stdout = await outputOf("graph");
  const [asks, approves] = [...stdout.matchAll(/^Process (\d+)/gm)].map((match) => match[1]);
  expect(asks).not.toBe(approves);
  const [first = "", second = ""] = stdout.split(`Process ${approves}`);
  expect(first).toMatch(/waits +approve transfer\(\{"amount":50,"to":"Bob"\}\)\?/);
  expect(first).not.toMatch(/tool +process/);
  expect(second).toMatch(/you +approve\n/);
  expect(stdout.match(new RegExp(`tool +process ${approves} sends 50 euros to Bob`, "g"))).toHaveLength(1);
  expect(second).toMatch(/ai +50 euros are on their way to Bob\./);
  expect(stdout.match(/redis +human/g)).toHaveLength(1);
});

test("examples/edit.ts shows a request that is repeated, a question that is edited, and a fork that leaves the past alone", async () => {
  const steps = (await outputOf("edit")).split(/^(?=\S)/m);
  // What is stored at the end of a step, and how many messages the model has read in it, each time.
  const storedIn = (step = ""): string[] =>
    [...step.matchAll(/redis +\d+ {2}(.*)/g)].map(([, message = ""]) => message.replaceAll(/ {2,}/g, " "));
  const readIn = (step = ""): string[] => [...step.matchAll(/model +reads (\d+)/g)].map(([, count = ""]) => count);
  const [repeated, refused, regenerated, edited, goesOn, forked, original] = steps.slice(1);
  const where = "human Where should I go for a weekend?";
  const north = ["human Where should I go in the north?", "ai Bergen."];
  const packed = [...north, "human What should I pack?", "ai A raincoat."];
  expect(repeated?.match(/error +The model is overloaded\./g)).toHaveLength(2);
  expect(readIn(repeated)).toEqual(["1", "1", "1"]);
  expect(storedIn(repeated)).toEqual([where, where, where, "ai Lisbon."]);
  expect(refused).toMatch(/error +OPERATION_CONFLICT/);
  expect(readIn(refused)).toEqual([]);
  expect(readIn(regenerated)).toEqual(["1"]);
  expect(storedIn(regenerated)).toEqual([where, "ai Porto."]);
  expect(storedIn(edited)).toEqual(north);
  expect(storedIn(goesOn)).toEqual(packed);
  expect(readIn(forked)).toEqual(["3"]);
  expect(storedIn(forked)).toEqual([...north, "human What should I eat there?", "ai Fish soup at the harbour."]);
  expect(storedIn(original)).toEqual(packed);
});

test("examples/classic.ts shows two users of one chain who do not meet", async () => {
  const stdout = await outputOf("classic");
  expect(stdout).toMatch(/ada-\d+ +ai +Your name is Ada\./);
  expect(stdout).toMatch(/bob-\d+ +ai +Your name is Bob\./);
});

test("examples/memory.ts shows a preference that one process learns and another uses", async () => {
  const stdout = await outputOf("memory");
  const [learns, uses] = [...stdout.matchAll(/^Process (\d+)/gm)].map((match) => match[1]);
  expect(learns).not.toBe(uses);
  const [first = "", second = ""] = stdout.split(`Process ${uses}`);
  expect(first).toMatch(/tool +remember\(diet, vegetarian\)/);
  expect(first).toMatch(/memory +1 value, 16 bytes, 1 write today/);
  expect(second).toMatch(/history +0 messages/);
  expect(second).toMatch(/tool +recall\(diet\): vegetarian/);
  expect(second).toMatch(/ai +As you are vegetarian: mushroom risotto\./);
  expect(second).toMatch(/The user is erased, and 1 memory with them\./);
});

test("examples/private.ts shows a conversation that is sealed, a rotation, and an old dump that nobody can read", async () => {
  const [plain = "", sealed = "", rotated = "", beside = "", elsewhere = ""] = (await outputOf("private"))
    .split(/^(?=\S)/m)
    .slice(1);
  expect(plain).toContain("My back has hurt");
  for (const part of [sealed, rotated]) expect(part).not.toMatch(/"My back has hurt|Back pain|family/);
  expect(sealed).toMatch(/key +[\w-]{8}, wrapped by 2025-06/);
  expect(rotated).toMatch(/key +[\w-]{8}, wrapped by 2026-11/);
  expect(rotated).toMatch(/entries +the same bytes/);
  expect(rotated).toMatch(/read +My back has hurt since Monday\./);
  expect(beside).toMatch(/read +My back has hurt since Monday\./);
  expect(elsewhere).toMatch(/read +CorruptMessageError: .+ the key that sealed it is gone/);
});
