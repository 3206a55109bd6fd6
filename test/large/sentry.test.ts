// What Sentry records of what is stored, by default and as docs/redis.md advises.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { startRedis } from "../../src/testing/index.js";
import { Site } from "./support/site.js";

const run = promisify(execFile);
const page = readFileSync(path.join(import.meta.dirname, "../../docs/redis.md"), "utf8");
const advised = /`Sentry\.init\(\{ (integrations: .*?) \}\)`/.exec(page)?.[1] ?? expect.unreachable("no advice");

/** Stores a message in a request's trace; prints what Sentry would send. */
const program = (options: string): string => `
  import * as Sentry from "@sentry/node";
  const send = async (envelope) => { console.log(JSON.stringify(envelope)); return {}; };
  Sentry.init({
    dsn: "http://key@127.0.0.1:1/1",
    tracesSampleRate: 1,
    transport: () => ({ send, flush: async () => true }),
    ${options}
  });
  const { HumanMessage } = await import("@langchain/core/messages");
  const { connect, RedisChatMessageHistory } = await import("langchain-redis-sessions");
  const client = connect(process.env.REDIS_URL);
  await Sentry.startSpan({ name: "the request" }, async () => {
    await new RedisChatMessageHistory({ client, sessionId: "ada" }).addMessages([new HumanMessage("a secret")]);
  });
  await Sentry.flush();
  await client.quit();
`;

let site: Site;
beforeAll(() => {
  site = new Site("sentry");
  site.write("package.json", '{ "type": "module" }');
});

test.each([
  { settings: "its defaults", options: "", recorded: true },
  { settings: "the line of docs/redis.md", options: advised, recorded: false },
])("with $settings Sentry records message texts: $recorded", async ({ options, recorded }) => {
  await using redis = await startRedis({ args: ["--databases", "4"] });
  site.write("program.js", program(options));
  const { stdout } = await run(process.execPath, ["program.js"], {
    cwd: site.folder,
    env: { ...process.env, REDIS_URL: redis.url },
  });
  expect(stdout).toContain("the request");
  expect(stdout.includes("a secret")).toBe(recorded);
});
