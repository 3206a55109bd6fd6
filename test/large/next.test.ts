// The routes of docs/web.md as Next.js itself builds and serves them.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RunningRedis, startRedis } from "../../src/testing/index.js";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { startIdentityProvider } from "../support/identity-provider.js";
import { Site } from "./support/site.js";

const run = promisify(execFile);
const page = readFileSync(path.join(import.meta.dirname, "../../docs/web.md"), "utf8");
const section = (heading: string): string =>
  new RegExp(`^## ${heading}$.*?(?=^## )`, "ms").exec(page)?.[0] ?? expect.unreachable(heading);
const programs = (text: string, kind: "ts" | "sh"): string[] =>
  [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, found, code = ""]) => (found === kind ? [code] : []));
const [guard = ""] = programs(page, "ts");
const [sessionRoute = "", chatRoute = ""] = programs(section("Next\\.js"), "ts");
const [curl = ""] = programs(section("With curl"), "sh");

const client = `
import { connect } from "langchain-redis-sessions";
const client = connect(process.env.REDIS_URL ?? "redis://127.0.0.1:1", { lazyConnect: true });
client.on("error", (error) => console.error(error.message));
`;
const config = `export default { turbopack: { root: ${JSON.stringify(path.join(import.meta.dirname, "../.."))} } };`;
const layout = `
export default function Layout({ children }: { children: React.ReactNode }) {
  return <html><body>{children}</body></html>;
}
`;

let site: Site;
let provider: Awaited<ReturnType<typeof startIdentityProvider>>;
let redis: RunningRedis;
let built: { stdout: string; stderr: string };
let served: ChildProcess;
let base: string;
let signIn: Record<string, string>;
beforeAll(async () => {
  [provider, redis] = await Promise.all([startIdentityProvider(), startRedis({ args: ["--databases", "4"] })]);
  signIn = { Authorization: `Bearer ${provider.jwt}` };
  site = new Site("next");
  // As create-next-app makes it, without "type": "module": then an import of guard.js does not find guard.ts.
  site.write("package.json", "{}");
  site.write("next.config.mjs", config);
  site.write("guard.ts", `${client}\n${guard.replaceAll("https://id.example.com", provider.issuer)}`);
  site.write("app/layout.tsx", layout);
  site.write("app/session/route.ts", sessionRoute);
  site.write("app/chat/route.ts", chatRoute);
  const next = createRequire(import.meta.url).resolve("next/dist/bin/next");
  const { REDIS_URL: _, ...inherited } = process.env;
  const environment = { ...inherited, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" } as const;
  built = await run(process.execPath, [next, "build"], { cwd: site.folder, env: environment });

  const [port] = await findFreePorts(1);
  base = `http://localhost:${port}`;
  served = spawn(process.execPath, [next, "start", "--port", String(port)], {
    cwd: site.folder,
    env: { ...environment, REDIS_URL: redis.url },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    served.stdout?.on("data", (text) => {
      if (String(text).includes("Ready")) resolve();
    });
    served.once("exit", () => reject(new Error("next start ended.")));
  });
});
afterAll(async () => {
  const ended = once(served, "exit");
  served.kill();
  await ended;
  provider.stop();
  await redis.stop();
});

const post = (route: string, headers: Record<string, string>, body?: string): Promise<Response> =>
  fetch(base + route, { method: "POST", headers, ...(body === undefined ? {} : { body }) });

async function start(): Promise<Record<string, string>> {
  const { headers } = await post("/session", { ...signIn, "Sec-Fetch-Site": "same-origin" });
  return { ...signIn, Cookie: headers.getSetCookie()[0]?.split(";")[0] ?? "" };
}

test("Next.js builds the routes of docs/web.md, and connects to no Redis for that", () => {
  expect(built.stdout).toMatch(/ƒ \/chat\n.*ƒ \/session\n/s);
  expect(built.stdout + built.stderr).not.toContain("ECONNREFUSED");
});

test("Next.js serves a sign-in and a chat, and refuses as the other frameworks do", async () => {
  const own = { "Sec-Fetch-Site": "same-origin" };
  expect((await post("/session", own)).status).toBe(401);
  const signedIn = await start();
  expect(await (await post("/chat", { ...signedIn, ...own }, "Hi")).json()).toEqual({ messages: 1 });
  const json = { "Content-Type": "application/json" };
  expect(await (await post("/chat", { ...signedIn, ...own, ...json }, '{"message":"Hi"}')).json()).toEqual({
    messages: 2,
  });
  expect((await post("/chat", { ...signIn, ...own }, "Hi")).status).toBe(440);
  const refused = await post("/chat", signedIn, "Hi");
  expect(refused.status).toBe(403);
  expect(await refused.text()).toContain("-H 'Sec-Fetch-Site: same-origin'");
});

test("an older browser's Origin is compared with the name that it asked for, not with the server's own", async () => {
  const signedIn = await start();
  const statusFrom = (origin: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { ...signedIn, Host: "chat.test", Origin: origin };
      request(`${base}/chat`, { method: "POST", headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end("Hi");
    });
  expect(await statusFrom("https://chat.test")).toBe(200);
  expect(await statusFrom("https://evil.test")).toBe(403);
  expect(await statusFrom(base)).toBe(403);
});

test("the commands of docs/web.md start a session with curl, and chat", async () => {
  const env = { ...process.env, BASE: base, JWT: provider.jwt };
  expect((await run("sh", ["-eu", "-c", curl], { cwd: site.folder, env })).stdout).toBe('{"messages":1}');
});
