// The README's commands are run as a reader would run them: pasted, in their order, in a shell.
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readConfig } from "../../examples/chat-server/config.js";
import { startTestService, type TestService } from "./support/service.js";

const run = promisify(execFile);
const folder = path.join(import.meta.dirname, "../../examples/chat-server");
const readme = readFileSync(path.join(folder, "README.md"), "utf8");
const endpoints = /^## Endpoints$.*?(?=^## )/ms.exec(readme)?.[0] ?? "";
const commands = [...endpoints.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block).join("");

let service: TestService;
let scratch: string;
beforeAll(async () => {
  service = await startTestService();
  scratch = mkdtempSync(path.join(tmpdir(), "chat-server-readme-"));
});
afterAll(async () => {
  await service.stop();
  rmSync(scratch, { recursive: true });
});

test("each command works, in the order in which they stand", async () => {
  // After each request a mark, so that it is known which answer is whose.
  const asked: string[] = [];
  const script = commands.replaceAll(/^(?:ask|curl) .*$/gm, (line) => {
    asked.push(line);
    return `${line}\necho\necho '==='`;
  });
  const { stdout, stderr } = await run("sh", ["-eu", "-c", script], {
    cwd: scratch,
    env: { ...process.env, BASE: service.url },
  });
  expect(stderr).toBe("");
  const answers = stdout.split("\n===\n").map((text, index) => [asked[index] ?? "", text.trim()] as const);
  const of = (command: string): string =>
    answers.find(([name]) => name.startsWith(command))?.[1] ?? expect.unreachable(command);
  expect(of("curl -s $BASE/users")).toContain('"Ada Lovelace"');
  expect(of('ask /agents/assistant/chat -d \'{"message":"My name')).toContain("Nice to meet you, Ada.");
  expect(of('ask /agents/assistant/chat -d \'{"message":"What time')).toMatch(
    /"type":"result"[^]*event: end[^]*"stored"/,
  );
  expect(of('ask /agents/assistant/chat -d \'{"message":"Remember')).toContain("I like tea");
  expect(of("ask /session/events")).toContain(": open");
  expect(of("ask /sessions/end-all")).toBe('{"ended":0}');
  expect(of("ask /sessions/some-other-session")).toContain("SESSION_UNKNOWN");
  expect(of("ask /memory/diet -X PUT")).toContain('"version"');
  expect(of("ask /me -X DELETE")).toBe('{"sessions":1,"conversations":0,"memories":0,"threads":0,"items":0}');
  // But for the one that is meant to be refused.
  const refused = answers.filter(([, text]) => text.startsWith('{"type":"about:blank"'));
  expect(refused.map(([name]) => name)).toEqual([expect.stringContaining("some-other-session")]);
});

test("each endpoint has a command", () => {
  // Those of oidc.ts are for browsers and providers, and a service has them or those of the demo.
  const files = readdirSync(path.join(folder, "routes")).filter((file) => file !== "oidc.ts");
  const routes = files.flatMap((file) => {
    const source = readFileSync(path.join(folder, "routes", file), "utf8");
    return [...source.matchAll(/app\.(get|post|put|patch|delete)\(\s*"([^"]+)"/g)].map(
      ([, method = "", route = ""]) => [method, route] as const,
    );
  });
  expect(routes).toHaveLength(31);
  const lines = commands.replaceAll("$CONVERSATION", "x").split("\n");
  for (const [method, route] of routes) {
    const asked = new RegExp(`(?:ask |BASE)"?${route.replaceAll(/:\w+/g, "[^/ ]+?")}["? )]`);
    const named = lines.filter((line) => asked.test(`${line} `));
    const withMethod = named.filter((line) => {
      const explicit = /-X (\w+)/.exec(line)?.[1]?.toLowerCase() ?? (line.includes(" -d ") ? "post" : "get");
      return explicit === method;
    });
    expect(withMethod, `${method} ${route}`).not.toEqual([]);
  }
});

test("each setting is in the table, and each in the table is one", () => {
  const table = /^## Settings$.*?(?=^## )/ms.exec(readme)?.[0] ?? "";
  const settings = Object.keys(
    readConfig({
      REDIS_URL: "redis://localhost",
      TRUSTED_PROXIES: "1",
      PUBLIC_HOSTS: "a.test",
      HSTS: "1d",
      SIGN_IN_KEY: "A".repeat(43),
      PUBLIC_URL: "https://chat.example.com",
      OIDC_ISSUER: "https://id.example.com",
      OIDC_CLIENT_ID: "chat",
      OIDC_CLIENT_SECRET: "secret",
    }),
  );
  const named = new Set([...table.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name = ""]) => name));
  expect([...named].toSorted()).toEqual([...settings, "OPENAI_API_KEY", "OPENAI_MODEL"].toSorted());
});
