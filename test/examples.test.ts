import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..");

test("examples/sessions.ts shows a limit, a rotation, a log-out everywhere and a resumed conversation", async () => {
  const { REDIS_URL: _, ...environment } = process.env;
  const { stdout } = await run(process.execPath, ["--import", "tsx", "examples/sessions.ts"], {
    cwd: root,
    env: environment,
  });
  for (const line of [
    /laptop +refused: evicted/,
    /old token +refused: rotated/,
    /new token +live until/,
    /2 sessions ended/,
    /model call: The session is no longer live: ended/,
    /Bob's desktop +live until/,
    /human +Remember: the meeting is on Friday\./,
    /1 sessions, 1 conversations; 1 sessions, 0 conversations/,
  ]) {
    expect(stdout).toMatch(line);
  }
});

test("examples/memory.ts shows a preference that one process learns and another uses", async () => {
  const { REDIS_URL: _url, OPENAI_API_KEY: _key, ...environment } = process.env;
  const { stdout } = await run(process.execPath, ["--import", "tsx", "examples/memory.ts"], {
    cwd: root,
    env: environment,
  });
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
