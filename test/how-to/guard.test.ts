// The settings that docs/guard.md shows, with an identity provider that publishes its keys.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningRedis, startRedis } from "../../src/testing/index.js";
import { startIdentityProvider } from "../support/identity-provider.js";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

const page = new Page("guard.md");
let provider: Awaited<ReturnType<typeof startIdentityProvider>>;
let redis: RunningRedis;
let site: Site;
beforeAll(async () => {
  [provider, redis] = await Promise.all([startIdentityProvider(), startRedis()]);
  const code = page.file("auth.ts").replaceAll("https://id.example.com", provider.issuer);
  site = new Site("guard", new Map([["auth.ts", code]]));
});
afterAll(async () => {
  provider.stop();
  await redis.stop();
});

/** Asks the guard of the page: without credentials, without a session, with both, from another site. */
const program = `
  import { guard, sessions } from "./auth.ts";
  const { token } = await sessions.create({ userId: "ada", agentId: "support" });
  const Authorization = "Bearer " + process.env.JWT;
  const Cookie = "__Host-session=" + token;
  const own = { "Sec-Fetch-Site": "same-origin" };
  for (const headers of [own, { Authorization, ...own }, { Authorization, Cookie, ...own }, { Authorization, Cookie }]) {
    const { denied, session } = await guard(new Request("http://localhost/chat", { method: "POST", headers }));
    console.log(denied?.status ?? session.userId);
  }
  process.exit(0);
`;

test("the guard of the page admits whom the provider vouches for, and refuses the rest", async () => {
  site.write("program.ts", program);
  const { stdout } = await site.run(["--import", "tsx", "program.ts"], { REDIS_URL: redis.url, JWT: provider.jwt });
  expect(stdout).toBe("401\n440\nada\n403\n");
});

test("its types are right", async () => {
  expect(await new Site("guard-types", page.files).typeErrors()).toBe("");
});
