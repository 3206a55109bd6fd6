// The programs of docs/web.md are run as a reader would run them: pasted, against the package that npm would publish.
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { programsOf, textOf } from "./support/documentation.js";
import { startIdentityProvider } from "./support/identity-provider.js";
import { installPackage } from "./support/installed-package.js";

const run = promisify(execFile);
const write = (name: string, content: string): void => writeFileSync(path.join(installed.folder, name), content);
const root = path.join(import.meta.dirname, "..");
const { single } = inject("servers");
const environment = { ...process.env, REDIS_URL: `redis://${single.host}:${single.port}/3` };

let installed: ReturnType<typeof installPackage>;
beforeAll(() => {
  installed = installPackage();
});
afterAll(() => {
  installed.remove();
});

const assumed = `
  import { connect } from "langchain-redis-sessions";
  export const client = connect(process.env.REDIS_URL ?? "");
`;

/** Each framework's fragment on a server of its own; then requests as a page would send them, and as curl does. */
const webProgram = `
  import { execFile } from "node:child_process";
  import { promisify } from "node:util";
  import { serve } from "@hono/node-server";
  import { client } from "./assumed.mts";
  import { sessions } from "./guard.js";
  import { app as hono } from "./hono.ts";
  import * as answerRoute from "./app/answer/route.ts";
  import * as chatRoute from "./app/chat/route.ts";
  import * as sessionRoute from "./app/session/route.ts";
  import { app as express } from "./express.ts";

  const command = promisify(execFile);
  const listening = (listen) => new Promise((resolve) => { const server = listen(() => resolve(server)); });
  const handled = (fetch) => listening((done) => serve({ fetch, hostname: "localhost", port: 0 }, done));
  const next = (request) => {
    if (request.url.endsWith("/answer")) return answerRoute.GET(request);
    return (request.url.endsWith("/session") ? sessionRoute : chatRoute).POST(request);
  };
  const servers = {
    Hono: await handled(hono.fetch),
    Express: await listening((done) => express.listen(0, "localhost", done)),
    "Next.js": await handled(next), // As functions; in test/large Next.js builds and serves them.
  };
  const signIn = { Authorization: "Bearer " + process.env.JWT, "Sec-Fetch-Site": "same-origin" };
  for (const [name, server] of Object.entries(servers)) {
    const BASE = "http://localhost:" + server.address().port;
    const send = (path, init) => fetch(BASE + path, init);
    const tell = async (what, response) => console.log(name, what, response.status, await response.text());
    const chat = (headers, body = "Hi") => send("/chat", { method: "POST", headers: { "Content-Type": "text/plain", ...headers }, body });
    await tell("nobody signs in", await send("/session", { method: "POST" }));
    const started = await send("/session", { method: "POST", headers: signIn });
    const cookie = started.headers.getSetCookie()[0].split(";")[0];
    const signedIn = { ...signIn, Cookie: cookie };
    console.log(name, "Ada signs in", started.status);
    await tell("chats", await chat(signedIn));
    await tell("chats in JSON", await chat({ ...signedIn, "Content-Type": "application/json" }, '{"message":"Hi"}'));
    await tell("chats in bytes of no type", await chat({ ...signedIn, "Content-Type": "" }, Buffer.from("Hi")));
    // As fetch, which tells a length of 0, does not.
    const nothing = Object.entries(signedIn).flatMap(([header, value]) => ["-H", header + ": " + value]);
    console.log(name, "says nothing", (await command("curl", ["-sS", "-X", "POST", BASE + "/chat", ...nothing])).stdout);
    const stored = await sessions.history(await sessions.verify(cookie.split("=")[1])).getMessages();
    console.log(name, "has said", JSON.stringify(stored.map(({ text }) => text)));
    if (name === "Next.js") {
      const answer = await sessions.answers(await sessions.verify(cookie.split("=")[1])).begin({ operationId: "one", input: "Hi" });
      answer.send("Hello");
      await answer.close();
      console.log(name, "follows", JSON.stringify(await (await send("/answer", { headers: signedIn })).text()));
      await tell("follows without a session", await send("/answer", { headers: signIn }));
    }
    await tell("without credentials", await chat({ Cookie: cookie }));
    await tell("without a session", await chat(signIn));
    await tell("from elsewhere", await chat({ ...signedIn, "Sec-Fetch-Site": "cross-site" }));
    await tell("from a program", await chat({ Authorization: signIn.Authorization, Cookie: cookie }));
    const { stdout } = await command("sh", ["-eu", "-c", process.env.CURL], { env: { ...process.env, BASE } });
    console.log(name, "with curl", stdout);
    // The session ends between the check and the handler's own call.
    const { verify } = sessions;
    sessions.verify = async (token, expected) => {
      const session = await verify.call(sessions, token, expected);
      await sessions.endById(session, session.id);
      return session;
    };
    await tell("is signed out meanwhile", await chat(signedIn));
    sessions.verify = verify;
    server.closeAllConnections();
    server.close();
  }
  await client.quit();
`;

const compilerOptions = {
  strict: true,
  module: "nodenext",
  target: "es2023",
  types: ["node"],
  noEmit: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
};

// Much for one test, on a machine that has other work.
const patience = { timeout: 120_000 };

test("the guard works, and is typed, pasted into Hono, Next.js and Express, in under 25 lines", patience, async () => {
  const { issuer, jwt, stop } = await startIdentityProvider();
  const web = textOf("docs/web.md");
  const [guard = "", hono = "", nextSession = "", nextChat = "", express = "", nextAnswer = "", node = ""] = programsOf(
    "docs/web.md",
  ).map(({ text }) => text);
  const curl = /^## With curl$.*?^```sh\n(.*?)^```$/ms.exec(web)?.[1] ?? expect.unreachable("no commands");
  for (const fragment of [guard, hono, nextSession, nextChat, express, nextAnswer, node])
    expect(fragment.trimEnd().split("\n").length).toBeLessThan(25);
  write("package.json", '{ "type": "module" }');
  write("assumed.mts", assumed);
  write("guard.ts", `import { client } from "./assumed.mts";\n${guard.replaceAll("https://id.example.com", issuer)}`);
  write("hono.ts", `${hono}export { app };`);
  for (const route of ["session", "chat", "answer"])
    mkdirSync(path.join(installed.folder, "app", route), { recursive: true });
  write("app/session/route.ts", nextSession);
  write("app/chat/route.ts", nextChat);
  write("app/answer/route.ts", nextAnswer);
  write("node.ts", node); // test/http/answer-frameworks.test.ts runs it.
  write("express.ts", `${express}export { app };`);
  write("web.mts", webProgram);
  // Next.js' own settings, as far as they matter here.
  const bundled = { ...compilerOptions, module: "esnext", moduleResolution: "bundler" };
  write("tsconfig.node.json", JSON.stringify({ compilerOptions, files: ["hono.ts", "express.ts", "node.ts"] }));
  write("tsconfig.next.json", JSON.stringify({ compilerOptions: bundled, include: ["app"] }));
  const typed = (file: string) =>
    run(path.join(root, "node_modules/.bin/tsc"), ["-p", file], { cwd: installed.folder });
  await Promise.all([typed("tsconfig.node.json"), typed("tsconfig.next.json")]);
  const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", "web.mts"], {
    cwd: installed.folder,
    env: { ...environment, JWT: jwt, CURL: curl },
  });
  stop();
  expect(stderr).toBe("");
  const lines = stdout.trim().split("\n");
  for (const name of ["Hono", "Express", "Next.js"]) {
    const told = (what: string): string =>
      lines.find((line) => line.startsWith(`${name} ${what} `))?.slice(`${name} ${what} `.length) ?? "";
    expect(told("nobody signs in")).toMatch(/^401 .*"UNAUTHENTICATED"/);
    expect(told("Ada signs in")).toBe("201");
    expect(told("chats")).toBe('200 {"messages":1}');
    expect(told("chats in JSON")).toBe('200 {"messages":2}');
    expect(told("chats in bytes of no type")).toBe('200 {"messages":3}');
    expect(told("says nothing")).toBe('{"messages":4}');
    expect(told("has said")).toBe(JSON.stringify(["Hi", '{"message":"Hi"}', "Hi", ""]));
    expect(told("with curl")).toContain('{"messages":1}');
    expect(told("without credentials")).toMatch(/^401 .*"UNAUTHENTICATED"/);
    expect(told("without a session")).toMatch(/^440 .*"SESSION_TOKEN_MISSING"/);
    expect(told("from elsewhere")).toMatch(/^403 .*"CROSS_SITE_REQUEST"/);
    expect(told("from a program")).toMatch(/^403 .*Sec-Fetch-Site: same-origin/);
    if (name === "Next.js") {
      expect(told("follows")).toMatch(/^":\\n\\nid: [\w-]+-1\\ndata: .*event: end\\n.*interrupted/);
      expect(told("follows without a session")).toMatch(/^440 .*"SESSION_TOKEN_MISSING"/);
    }
    expect(told("is signed out meanwhile")).toMatch(/^440 .*"ended"/);
  }
});
