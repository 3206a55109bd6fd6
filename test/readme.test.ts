// The programs of README.md and docs/*.md are run as a reader would run them: pasted, against the package that npm would
// publish.
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { startIdentityProvider } from "./support/identity-provider.js";
import { installPackage } from "./support/installed-package.js";

const run = promisify(execFile);
const write = (name: string, content: string): void => writeFileSync(path.join(installed.folder, name), content);
const root = path.join(import.meta.dirname, "..");
const page = (file: string): string => readFileSync(path.join(root, file), "utf8");
const pages = ["README.md", ...readdirSync(path.join(root, "docs")).map((file) => `docs/${file}`)].filter((file) =>
  file.endsWith(".md"),
);
const readme = page("README.md");
const webOfReadme = /^## On the web$.*?(?=^## )/ms.exec(readme)?.[0] ?? "";
const fragmentsOf = (text: string): string[] =>
  [...text.matchAll(/^```(ts|diff)\n(.*?)^```$/gms)].map(([, kind, code = ""]) =>
    kind === "diff" ? afterwards(code) : code,
  );
const [first = "", ...others] = fragmentsOf(readme.replace(webOfReadme, ""));
const fragments = [
  ...others,
  ...["docs/moving.md", "docs/langgraph.md", "docs/editing.md"].flatMap((file) => fragmentsOf(page(file))),
  ...fragmentsOf(page("docs/answers.md")).slice(0, 3),
  ...fragmentsOf(page("docs/export.md")),
];
const { single } = inject("servers");
const environment = { ...process.env, REDIS_URL: `redis://${single.host}:${single.port}/3` };

/** What a comparison recommends: without the lines that it takes out. */
function afterwards(diff: string): string {
  return diff.replaceAll(/^-.*\n/gm, "").replaceAll(/^[ +]/gm, "");
}

test("every fragment of every page is run by one of these tests", () => {
  const counts = pages.map((file) => [file, fragmentsOf(page(file)).length] as const).filter(([, count]) => count > 0);
  expect(Object.fromEntries(counts)).toEqual({
    "README.md": 1 + 11 + 1,
    "docs/answers.md": 3 + 2, // test/ai-sdk runs the last two.
    "docs/editing.md": 3,
    "docs/export.md": 2,
    "docs/langgraph.md": 4 + 2,
    "docs/moving.md": 4,
    "docs/operations.md": 2,
    "docs/privacy.md": 4,
    "docs/web.md": 7,
  });
  expect(fragments).toHaveLength(11 + 4 + 6 + 3 + 3 + 2); // The others are the first program, and those of the web.
});

let installed: ReturnType<typeof installPackage>;
let client: Redis;
beforeAll(async () => {
  installed = installPackage();
  client = new Redis(environment.REDIS_URL);
  await client.flushdb(); // Database 3 is this file's own.
});
afterAll(async () => {
  installed.remove();
  await client.quit();
});

test("the first program is short, works pasted, and remembers when it is run again", async () => {
  expect(first.trimEnd().split("\n").length).toBeLessThan(20);
  const file = path.join(installed.folder, "first.mjs");
  writeFileSync(file, first);
  const turn = "human: Hi, I am Ada.\nai: Hello Ada.\n";
  expect((await run(process.execPath, [file], { env: environment })).stdout).toBe(turn);
  expect((await run(process.execPath, [file], { env: environment })).stdout).toBe(turn + turn);
});

/** What the pages say is the reader's own. */
const assumed = `
  import { HumanMessage } from "@langchain/core/messages";
  import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
  import { FakeListChatModel } from "@langchain/core/utils/testing";
  import { connect, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";

  export const client = connect(process.env.REDIS_URL ?? "");
  export const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
  export const model = new FakeListChatModel({ responses: ["Hello."] });
  export const tools = [];
  export const sessionId = "someone";
  export const history = new RedisChatMessageHistory({ client, sessionId });
  export const turn = [new HumanMessage("stored once")];
  export const sessions = new SessionStore({ client });
  export const { session } = await sessions.create({ userId: "a reader", agentId: "support" });
`;
/** Runs the fragments in order, as modules that import what they use, then shows what was stored. */
const program = (modules: readonly string[]): string => `
  import { RedisChatMessageHistory } from "langchain-redis-sessions";
  import { client, session, sessions, sessionId } from "./assumed.mts";
  for (const module of ${JSON.stringify(modules)}) await import(module);
  const histories = Object.fromEntries(
    ["ada", "moved", sessionId].map((id) => [id, new RedisChatMessageHistory({ client, sessionId: id })]),
  );
  for (const [id, history] of Object.entries({ ...histories, session: sessions.history(session) })) {
    for (const { type, text } of await history.getMessages()) console.log(id, type, text);
  }
  for (const owner of [session, { userId: "ada", orgId: "elsewhere" }]) {
    for (const { title, messageCount } of await sessions.conversations.list(owner)) {
      console.log("listed", title ?? "without a title", messageCount);
    }
  }
  await sessions.close();
  await client.quit();
`;

test("every other fragment runs pasted, given what its text assumes", async () => {
  const modules = fragments.map((fragment, index) => {
    const [, imports = "", body = ""] =
      /^((?:import [^;]+;\n)+)\n(.*)$/s.exec(fragment) ?? expect.unreachable(fragment);
    // In a block of its own, where it may give its values the names that another fragment assumes.
    const before =
      'import * as assumed from "./assumed.mts";\nconst { client, prompt, model, tools, sessionId, history, turn, sessions, session } = assumed;';
    write(`fragment-${index}.mts`, `${before}\n${imports}{\n${body}}\n`);
    return `./fragment-${index}.mts`;
  });
  write("assumed.mts", assumed);
  write("fragments.mts", program(modules));
  await client.flushdb();
  const { stdout, stderr } = await run(process.execPath, ["--import", "tsx", "fragments.mts"], {
    cwd: installed.folder,
    env: environment,
  });
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "ada human Hi",
    "ada ai Hello.",
    "ada human Hi",
    "ada ai Hello.",
    "moved human Hi",
    "moved ai Hello.",
    "moved human Hi",
    "moved ai Hello.",
    "moved human Hi",
    "someone human stored once",
    "session human Hi",
    "session ai Hello.",
    "session human Hi",
    "session ai Hello.",
    "session human Where should I go in June?",
    "session ai Hello.",
    "session human What is my name?",
    "session ai Hello.",
    "session human Hi",
    "session ai Hello.",
    "session human What should I pack?",
    "session ai Hello.",
    "session human And if it rains?",
    "session ai A raincoat.",
    "listed without a title 14",
    // One turn more, before the conversation was rewound.
    "listed As it was 12",
    "listed Another way 6",
    // Imported.
    "listed without a title 14",
    "listed As it was 12",
    "listed Another way 6",
  ]);
});

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
  import { POST as shortest } from "./shortest.ts";
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
    // Of the README one route is shown: the sign-in is that of Next.js.
    README: await handled((request) => (request.url.endsWith("/session") ? next : shortest)(request)),
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
  const web = page("docs/web.md");
  const [guard = "", hono = "", nextSession = "", nextChat = "", express = "", nextAnswer = "", node = ""] =
    fragmentsOf(web);
  const curl = /^## With curl$.*?^```sh\n(.*?)^```$/ms.exec(web)?.[1] ?? expect.unreachable("no commands");
  const [shortest = "", ...more] = fragmentsOf(webOfReadme);
  expect(more).toEqual([]);
  for (const fragment of [guard, hono, nextSession, nextChat, express, nextAnswer, node, shortest])
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
  write("shortest.ts", `import { authenticate, sessions } from "./guard.js";\n${shortest}`);
  write("web.mts", webProgram);
  // Next.js' own settings, as far as they matter here.
  const bundled = { ...compilerOptions, module: "esnext", moduleResolution: "bundler" };
  write(
    "tsconfig.node.json",
    JSON.stringify({ compilerOptions, files: ["hono.ts", "express.ts", "node.ts", "shortest.ts"] }),
  );
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
  for (const name of ["Hono", "Express", "Next.js", "README"]) {
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

test("the programs of docs/privacy.md run one after another, pasted", async () => {
  const keys = { CHAT_KEY: randomBytes(32).toString("base64"), NEXT_CHAT_KEY: randomBytes(32).toString("base64") };
  const programs = fragmentsOf(page("docs/privacy.md")).map((code) =>
    code.replaceAll(/redis:\/\/localhost:\d+/g, environment.REDIS_URL),
  );
  for (const [index, code] of programs.entries()) {
    const file = path.join(installed.folder, `privacy-${index}.mts`);
    // A program of the page ends when its reader ends it.
    writeFileSync(file, `${code}\nsetImmediate(() => process.exit(0));\n`);
    const { stderr } = await run(process.execPath, ["--import", "tsx", file], {
      env: { ...environment, ...keys },
      cwd: installed.folder,
    });
    expect(stderr).toBe("");
  }
});

test("the fragments of docs/operations.md hear of what a program does", async () => {
  const told = fragmentsOf(page("docs/operations.md"));
  const after = `
    import { connect, SessionStore } from "langchain-redis-sessions";
    const client = connect("${environment.REDIS_URL}");
    const sessions = new SessionStore({ client });
    await sessions.verify("no-token").catch(() => {});
    const { token } = await sessions.create({ userId: "ada", agentId: "support" });
    await sessions.end(token);
    await sessions.verify(token).catch(() => {});
    await sessions.close();
    await client.quit();
  `;
  write("operations.mts", [...told, after].join("\n"));
  const { stderr } = await run(process.execPath, ["--import", "tsx", "operations.mts"], {
    env: { ...environment, TELEMETRY_SECRET: randomBytes(16).toString("base64") },
    cwd: installed.folder,
  });
  expect(stderr).toContain("session.verify");
  expect(stderr).toContain("SESSION_NOT_FOUND");
});
