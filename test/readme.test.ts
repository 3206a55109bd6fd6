// The programs of the documentation are run as a reader would run them: pasted, against the package that npm would publish.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Block, blocksOf, pages, programsOf, textOf } from "./support/documentation.js";
import { installPackage } from "./support/installed-package.js";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "..");
const { single } = inject("servers");
const environment = {
  ...process.env,
  REDIS_URL: `redis://${single.host}:${single.port}/3`,
  JWT_SECRET: randomBytes(32).toString("base64"),
};

// Much for one test, on a machine that has other work.
const patience = { timeout: 300_000 };

/** Sections whose programs a test below, or another file, runs in a way of its own. */
const sectionsElsewhere: Readonly<Record<string, readonly string[]>> = {
  "README.md": ["A first program", "On the web"], // Below.
  "docs/answers.md": ["With the AI SDK"], // test/ai-sdk/resume.test.ts.
};
/** Pages of which a test below, or the named file, runs every program. */
const pagesElsewhere: Readonly<Record<string, string>> = {
  "docs/privacy.md": "readme.test.ts",
  "docs/operations.md": "readme.test.ts",
  "docs/tutorials/agent.md": "tutorials.test.ts",
  "docs/tutorials/chat-history.md": "tutorials.test.ts",
  "docs/tutorials/service.md": "tutorials.test.ts",
};
/** The tests of how-to pages, each of which names its page. */
const howToTests = ["how-to", "large"]
  .map((folder) => path.join(import.meta.dirname, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((file) => path.join(folder, file)))
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => readFileSync(file, "utf8"));

/** Every program that no other test runs is pasted, and has to run: a new page cannot be forgotten. */
const pasted = new Map<string, readonly Block[]>();
for (const page of pages) {
  const name = page.replace("docs/", "");
  if (page in pagesElsewhere || howToTests.some((text) => text.includes(`"${name}"`) || text.includes(page))) continue;
  const elsewhere = sectionsElsewhere[page] ?? [];
  const programs = programsOf(page).filter(({ sections }) => !sections.some((section) => elsewhere.includes(section)));
  if (programs.length > 0) pasted.set(page, programs);
}

let installed: ReturnType<typeof installPackage>;
let client: Redis;
const write = (name: string, content: string): void => writeFileSync(path.join(installed.folder, name), content);
const start = (file: string, more: NodeJS.ProcessEnv = {}) =>
  run(process.execPath, ["--import", "tsx", file], {
    cwd: installed.folder,
    env: { ...environment, ...more },
  });
beforeAll(async () => {
  installed = installPackage();
  client = new Redis(environment.REDIS_URL);
  await client.flushdb(); // Database 3 is this file's own.
  write("assumed.mts", assumed);
  for (const [page, programs] of pasted) {
    programs.forEach(({ text }, index) => write(moduleOf(page, index), pastedModule(page, text)));
  }
});
afterAll(async () => {
  installed.remove();
  await client.quit();
});

test("the README has at most 200 lines", () => {
  expect(textOf("README.md").trimEnd().split("\n").length).toBeLessThanOrEqual(200);
});

test("the first program is short, works pasted, and remembers when it is run again", async () => {
  const [first] = programsOf("README.md");
  expect(first?.file).toBe("first.mjs");
  expect(first?.text.trimEnd().split("\n").length).toBeLessThan(20);
  const file = path.join(installed.folder, "first.mjs");
  writeFileSync(file, first?.text ?? "");
  const turn = "human: Hi, I am Ada.\nai: Hello Ada.\n";
  expect((await run(process.execPath, [file], { env: environment })).stdout).toBe(turn);
  expect((await run(process.execPath, [file], { env: environment })).stdout).toBe(turn + turn);
});

test("the README installs the file that npm pack makes", () => {
  const { name, version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Record<string, string>;
  const install = blocksOf("README.md").find(({ text }) => text.startsWith("npm install "));
  expect(install?.text).toContain(`/${name}-${version}.tgz `);
});

/** What the pages assume: values that the reader has. */
const assumed = `
  import { HumanMessage } from "@langchain/core/messages";
  import { ChatPromptTemplate, MessagesPlaceholder } from "@langchain/core/prompts";
  import type { StructuredTool } from "@langchain/core/tools";
  import { FakeListChatModel } from "@langchain/core/utils/testing";
  import { connect, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";

  export const client = connect(process.env.REDIS_URL ?? "");
  export const prompt = ChatPromptTemplate.fromMessages([new MessagesPlaceholder("history"), ["human", "{input}"]]);
  export const model = new FakeListChatModel({ responses: ["Hello."] });
  export const tools: StructuredTool[] = [];
  export const sessionId = "someone";
  export const history = new RedisChatMessageHistory({ client, sessionId });
  export const turn = [new HumanMessage("stored once")];
  export const sessions = new SessionStore({ client });
  export const { session } = await sessions.create({ userId: "a reader", agentId: "support" });
  export const authenticate = (request: Request) =>
    request.headers.get("Authorization") === "ada" ? { userId: "ada" } : null;
`;

const moduleOf = (page: string, index: number): string => `${page.replaceAll(/\W/g, "-")}-${index}.mts`;

/** Whether a program is a module of the reader's, which has all that it needs. */
const exportsSomething = (program: string): boolean => /^export /m.test(program);

/** A module that imports what the program imports, and has the values that its page assumes. */
function pastedModule(page: string, program: string): string {
  if (exportsSomething(program)) return program;
  const [, imports = "", body = ""] =
    /^((?:import [^;]+;\n)*)\n?(.*)$/s.exec(program) ?? expect.unreachable(`${page}: ${program}`);
  // In a block of its own, where it may give its values the names that another program assumes.
  return `import * as assumed from "./assumed.mts";
const { authenticate, client, prompt, model, tools, sessionId, history, turn, sessions, session } = assumed;
${imports}{
${body}}
`;
}

/** Runs the programs of a page in order, then shows what they stored, over a connection of its own. */
const runner = (page: string, programs: readonly Block[]): string => `
  import { connect, RedisChatMessageHistory, SessionStore } from "langchain-redis-sessions";
  import * as assumed from "./assumed.mts";
  const { session, sessionId } = assumed;
  await assumed.sessions.history(session).addUserMessage("Before.");
  for (const file of ${JSON.stringify(programs.map((_, index) => `./${moduleOf(page, index)}`))}) await import(file);
  await assumed.sessions.close();
  await assumed.client.quit().catch(() => {}); // The page may have closed it.
  const client = connect(process.env.REDIS_URL);
  const sessions = new SessionStore({ client });
  const ids = ["ada", "grace", "lovelace", "moved", sessionId];
  const histories = Object.fromEntries(ids.map((id) => [id, new RedisChatMessageHistory({ client, sessionId: id })]));
  for (const [id, history] of Object.entries({ ...histories, session: sessions.history(session) })) {
    for (const { type, text } of await history.getMessages()) console.log(id, type, text);
  }
  for (const owner of [session, { userId: "ada", orgId: "elsewhere" }]) {
    for (const { title, messageCount } of await sessions.conversations.list(owner)) {
      console.log("listed", title ?? "without a title", messageCount);
    }
  }
  await client.quit();
  // What a module of the reader's has opened stays open.
  ${programs.some(({ text }) => exportsSomething(text)) ? "process.exit();" : ""}
`;

const greeting = (id: string): string[] => [`${id} human Hi`, `${id} ai Hello.`];
const before = "session human Before.";
/** What the programs of a page print and leave. Of a page that is not here, it is enough that its programs run. */
const outcomes: Readonly<Record<string, readonly string[]>> = {
  "README.md": [before, "listed without a title 1"],
  "docs/agent-memory.md": [before, "listed without a title 1"],
  "docs/answers.md": [
    before,
    "session human What should I pack?",
    "session ai Hello.",
    "session human And if it rains?",
    "session ai A raincoat.",
    "listed without a title 5",
  ],
  "docs/chat-history.md": ["grace human stored once", ...greeting("lovelace"), before, "listed without a title 1"],
  // The first conversation was rewound, and the second is a fork.
  "docs/editing.md": [before, "listed As it was 3", "listed without a title 1"],
  "docs/errors.md": ["someone human stored once", before, ...greeting("session"), "listed without a title 3"],
  "docs/export.md": [before, "listed without a title 1", "listed without a title 1"], // Imported.
  "docs/how-to/migrate.md": [
    "moved human Hi",
    ...greeting("moved"),
    ...greeting("moved"),
    before,
    ...greeting("session"),
    "listed without a title 3",
  ],
  "docs/how-to/test-your-program.md": ["4", before, "listed without a title 1"],
  "docs/langgraph.md": [before, ...greeting("session"), "listed without a title 3"],
  "docs/sessions.md": [before, "listed without a title 1"],
  "docs/turns.md": [
    ...greeting("ada"),
    ...greeting("ada"),
    before,
    ...greeting("session"),
    ...greeting("session"),
    "listed without a title 5",
  ],
};

test("every page with an outcome has programs", () => {
  expect(Object.keys(outcomes).filter((page) => pages.includes(page) && !pasted.has(page))).toEqual([]);
  expect(pasted.size).toBeGreaterThan(10);
});

test.each([...pasted])(
  "the programs of %s run pasted, given what its text assumes",
  patience,
  async (page, programs) => {
    write("run.mts", runner(page, programs));
    await client.flushdb();
    const { stdout, stderr } = await start("run.mts");
    expect(stderr).toBe("");
    if (page in outcomes) expect(stdout.split("\n").filter(Boolean)).toEqual(outcomes[page]);
  },
);

const compilerOptions = {
  strict: true,
  module: "nodenext",
  target: "es2023",
  lib: ["es2023", "esnext.disposable", "dom", "dom.iterable"],
  types: ["node"],
  noEmit: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
};

test("the types of every pasted program are right", patience, async () => {
  const files = [...pasted].flatMap(([page, programs]) => programs.map((_, index) => moduleOf(page, index)));
  for (const page of ["docs/privacy.md", "docs/operations.md"]) {
    for (const [index, { text }] of programsOf(page).entries()) {
      write(moduleOf(page, index), `${text}\nexport {};\n`);
      files.push(moduleOf(page, index));
    }
  }
  write("tsconfig.pasted.json", JSON.stringify({ compilerOptions, files }));
  const tsc = path.join(root, "node_modules/.bin/tsc");
  await run(tsc, ["-p", "tsconfig.pasted.json"], { cwd: installed.folder }).catch(({ stdout }: { stdout: string }) =>
    expect.unreachable(stdout),
  );
});

/** Requests to the README's route, as a page would send them. */
const webProgram = `
  import { client, sessions } from "./assumed.mts";
  import { POST } from "./on-the-web.mts";

  const { token, session } = await sessions.create({ userId: "ada", agentId: "support" });
  const ask = (headers) =>
    POST(new Request("http://localhost/chat", { method: "POST", headers: { "Sec-Fetch-Site": "same-origin", ...headers }, body: "Hi" }));
  const signedIn = { Authorization: "ada", Cookie: "__Host-session=" + token };
  for (const headers of [{}, { Authorization: "ada" }, { ...signedIn, "Sec-Fetch-Site": "cross-site" }]) {
    const response = await ask(headers);
    console.log(response.status, (await response.json()).code);
  }
  const first = await ask(signedIn);
  const [stored] = await sessions.history(session).getMessages();
  console.log("the question is stored first:", stored.text);
  const events = await first.text();
  const said = [...events.matchAll(/^data: {"text":(".*")}$/gm)].map(([, text]) => JSON.parse(text)).join("");
  console.log(first.headers.get("Content-Type"), said, /event: end\\n(?:id: .*\\n)?data: {"end":"(\\w+)"/.exec(events)[1]);
  for (const { type, text } of await sessions.history(session).getMessages()) console.log(type, text);
  await sessions.end(token);
  console.log((await ask(signedIn)).status);
  await sessions.close();
  await client.quit();
`;

test("the README's route streams an agent's answer, and refuses who has no session", patience, async () => {
  const [route, ...more] = programsOf("README.md").filter(({ sections }) => sections.includes("On the web"));
  expect(more).toEqual([]);
  const assumedByRoute = 'import { authenticate, model, sessions, tools } from "./assumed.mts";\n';
  write("on-the-web.mts", assumedByRoute + route?.text);
  write("web.mts", webProgram);
  write("tsconfig.web.json", JSON.stringify({ compilerOptions, files: ["on-the-web.mts"] }));
  await run(path.join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.web.json"], { cwd: installed.folder });
  const { stdout, stderr } = await start("web.mts");
  expect(stderr).toBe("");
  expect(stdout.trim().split("\n")).toEqual([
    "401 UNAUTHENTICATED",
    "440 SESSION_TOKEN_MISSING",
    "403 CROSS_SITE_REQUEST",
    "the question is stored first: Hi",
    "text/event-stream; charset=utf-8 Hello. stored",
    "human Hi",
    "ai Hello.",
    "440",
  ]);
});

test("the programs of docs/privacy.md run one after another, pasted", patience, async () => {
  const keys = { CHAT_KEY: randomBytes(32).toString("base64"), NEXT_CHAT_KEY: randomBytes(32).toString("base64") };
  const programs = programsOf("docs/privacy.md").map(({ text }) =>
    text.replaceAll(/redis:\/\/localhost:\d+/g, environment.REDIS_URL),
  );
  for (const [index, code] of programs.entries()) {
    const file = `privacy-${index}.mts`;
    // A program of the page ends when its reader ends it.
    write(file, `${code}\nsetImmediate(() => process.exit(0));\n`);
    expect((await start(file, keys)).stderr).toBe("");
  }
});

test("the programs of docs/operations.md hear of what a program does", patience, async () => {
  const listeners = programsOf("docs/operations.md").map(({ text }) => text);
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
  write("operations.mts", [...listeners, after].join("\n"));
  const { stderr } = await start("operations.mts", { TELEMETRY_SECRET: randomBytes(16).toString("base64") });
  expect(stderr).toContain("session.verify");
  expect(stderr).toContain("SESSION_NOT_FOUND");
});

test("the figures of the README and of docs/comparison.md are those of the pages that they link to", () => {
  const measured = ["docs/benchmark.md", "docs/reliability.md"].map(textOf).join("\n");
  const sections = [
    ...["Why", "Figures", "Compared"].map((heading) => sectionOf("README.md", heading)),
    ...["LangGraph savers", "Answers in flight", "Sessions"].map((one) => sectionOf("docs/comparison.md", one)),
  ];
  const figures = sections
    .map((text) => text.replaceAll(/<!-- (\w+) -->.*?<!-- \/\1 -->/gs, "")) // Their own tests compare these.
    .flatMap((text) => text.match(/\d[\d,]*(?:\.\d+)?(?:×| (?:kB|ms|s)\b)|\d{1,3}(?:,\d{3})+/g) ?? []);
  expect(figures.length).toBeGreaterThan(20);
  expect(figures.filter((figure) => !measured.includes(figure))).toEqual([]);
});

function sectionOf(page: string, heading: string): string {
  const text = new RegExp(`^## ${heading}$.*?(?=^## |\\z)`, "ms").exec(`${textOf(page)}\n## `)?.[0];
  return text ?? expect.unreachable(`${page} has no section "${heading}"`);
}
