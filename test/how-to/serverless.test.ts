// The handler of docs/how-to/serverless.md, called as AWS Lambda calls it, and behind a server as the page tries it.
import { afterAll, beforeAll, expect, test } from "vitest";
import { Page } from "./support/page.js";
import { type Service, startService } from "./support/service.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/serverless.md");
const site = new Site("serverless", page.files);

/** Calls the handler as Lambda does; tells after each call what keeps the process awake, and what Redis sees of it. */
const invocations = `
  import { Redis } from "ioredis";
  import { handler } from "./handler.ts";

  const observer = new Redis(process.env.REDIS_URL);
  await observer.ping();
  const before = process.getActiveResourcesInfo();
  const seen = async () => {
    const count = async () => (await observer.client("LIST")).trim().split("\\n").length - 1;
    // Redis sees a moment later that a connection was closed.
    for (let looks = 0; looks < 500 && (await count()) > 1; looks += 1);
    const clients = await count();
    const [, made] = /total_connections_received:(\\d+)/.exec(await observer.info("stats"));
    const added = process.getActiveResourcesInfo();
    for (const one of before) added.splice(added.indexOf(one), 1);
    return { clients, made: Number(made), timers: added.filter((one) => one === "Timeout").length };
  };
  const host = { host: "chat.test", authorization: process.env.AUTHORIZATION, "sec-fetch-site": "same-origin" };
  const event = (rawPath, more = {}) => ({
    requestContext: { http: { method: "POST" } }, rawPath, rawQueryString: "", headers: host, isBase64Encoded: false, ...more,
  });
  const tell = async (what, { statusCode, body, cookies }) =>
    console.log(JSON.stringify({ what, statusCode, body, cookies: cookies.length, ...(await seen()) }));

  const signedIn = await handler(event("/session"));
  await tell("signs in", signedIn);
  const cookies = [signedIn.cookies[0].split(";")[0]];
  const headers = { ...host, "content-type": "application/json" };
  const body = JSON.stringify({ message: "Hi" });
  await tell("chats", await handler(event("/chat", { headers, cookies, body })));
  const base64 = { headers, cookies, body: Buffer.from(body).toString("base64"), isBase64Encoded: true };
  await tell("chats in base64", await handler(event("/chat", base64)));
  await observer.client("KILL", "TYPE", "normal", "SKIPME", "yes");
  await tell("chats on a connection that broke", await handler(event("/chat", { headers, cookies, body })));
  await tell("without a session", await handler(event("/chat", { headers, body })));
  await tell("from elsewhere", await handler(event("/chat", { headers: { ...headers, "sec-fetch-site": "cross-site" }, cookies, body })));
  await tell("no question", await handler(event("/chat", { headers, cookies, body: "Hi" })));
  process.exit(0);
`;

let service: Service;
beforeAll(async () => {
  service = await startService(site, ["--import", "tsx", "local.ts"]);
});
afterAll(() => service[Symbol.asyncDispose]());

test("its types are right", async () => {
  expect(await site.typeErrors()).toBe("");
});

test("the commands of the page sign in, and get an answer", async () => {
  expect(await service.shell(page.command("curl -sS -c cookies"))).toBe('{"answer":"Hello Ada."}');
});

test("invocations share one connection, and leave no timer and no other connection behind", async () => {
  site.write("invocations.mjs", invocations);
  await service.program.terminate(); // Whose connection would be counted too.
  const { stdout } = await site.run(["--import", "tsx", "invocations.mjs"], {
    ...service.provider.environment,
    REDIS_URL: service.redisUrl,
    AUTHORIZATION: service.signIn["Authorization"],
    JWT_SECRET: service.secret,
  });
  const told = stdout
    .trim()
    .split("\n")
    .map(
      (line) => JSON.parse(line) as { what: string; statusCode: number; clients: number; made: number; timers: number },
    );
  expect(told.map(({ what, statusCode }) => [what, statusCode])).toEqual([
    ["signs in", 201],
    ["chats", 200],
    ["chats in base64", 200],
    ["chats on a connection that broke", 200],
    ["without a session", 440],
    ["from elsewhere", 403],
    ["no question", 400],
  ]);
  const [first] = told;
  expect(told.map(({ clients }) => clients)).toEqual(told.map(() => first?.clients));
  expect(told.map(({ timers }) => timers)).toEqual(told.map(() => 0));
  const made = told.map((one, index) => one.made - (told[index - 1]?.made ?? one.made));
  // Of the turns each made one more, over which it heard of its session, and the one behind the break made two.
  expect(made).toEqual([0, 1, 1, 2, 0, 0, 0]);
});
