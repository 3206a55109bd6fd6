import { startRedis } from "../../../src/testing/index.js";
import { type ModelProvider, startModelProvider } from "./model-provider.js";
import { Page } from "./page.js";
import { RunningProgram } from "./running-program.js";
import type { Site } from "./site.js";

const guardPage = new Page("guard.md");

/** A service of a page that runs, with a Redis and a model's provider of its own, and Ada's credentials. */
export interface Service extends AsyncDisposable {
  readonly site: Site;
  readonly program: RunningProgram;
  readonly provider: ModelProvider;
  readonly redisUrl: string;
  /** What JWTs are signed with. */
  readonly secret: string;
  /** The headers of Ada's browser or program, without a session. */
  readonly signIn: Readonly<Record<string, string>>;
  /** Runs commands of the page against the service. */
  readonly shell: (commands: string) => Promise<string>;
}

/** Starts a service that listens on PORT, and makes the credentials as the page of the guard says. */
export async function startService(
  site: Site,
  words: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Service> {
  const [redis, provider] = await Promise.all([startRedis({ args: ["--databases", "1"] }), startModelProvider()]);
  const environment = { ...provider.environment, REDIS_URL: redis.url, ...more };
  site.write("token.mjs", guardPage.file("token.mjs"));
  const told = await site.shell(`${guardPage.command("export JWT_SECRET")}\nprintf %s "$JWT_SECRET"; cat headers`);
  const [, secret = "", jwt = ""] =
    /^([0-9a-f]{64})Authorization: (Bearer \S+)\nSec-Fetch-Site: same-origin\n$/.exec(told) ?? [];
  const program = await RunningProgram.start(site, words, { ...environment, JWT_SECRET: secret });
  const signIn = { Authorization: jwt, "Sec-Fetch-Site": "same-origin" };
  return {
    site,
    program,
    provider,
    redisUrl: redis.url,
    secret,
    signIn,
    shell: (commands) => site.shell(commands.replaceAll("http://localhost:3000", program.base), environment),
    async [Symbol.asyncDispose]() {
      await program[Symbol.asyncDispose]();
      provider[Symbol.dispose]();
      await redis.stop();
    },
  };
}
