// Answers in flight: `npm run answers`.
//
// One process answers. A second one follows from the middle. The first is killed, without a chance to say anything; the
// second hears of it. A third process finds the question in the conversation, and asks again.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { BaseMessage } from "@langchain/core/messages";
import { type AnswerEvent, connect, type Session, SessionStore } from "langchain-redis-sessions";
import { RunnableWithSession } from "langchain-redis-sessions/runnables";
import { OfflineChatModel } from "./offline-model.js";
import { heading, line } from "./print.js";
import { redisForExample } from "./redis.js";

const question = "Tell me a long story.";
/** How many words an event of this example has. */
const WORDS = 14;

const [, , role, url = "", sessionText = "", argument = ""] = process.argv;
/** What the first and the third process do. */
async function answer(session: Session, operationId: string): Promise<void> {
  await using store = storeAt(url);
  const answers = store.sessions.answers(session);
  const current = await answers.current();
  if (current?.state === "interrupted") say(`finds the question "${current.question[0]?.text}", interrupted`);
  const running = await answers.begin({ operationId, input: current?.question ?? question, lease: "2s" });
  const model = new OfflineChatModel({ millisecondsPerWord: current === undefined ? 60 : 5 });
  const chain = new RunnableWithSession<BaseMessage[], BaseMessage>({ runnable: model, sessions: store.sessions });
  try {
    const stream = await chain.stream([], { configurable: { session, answer: running } });
    let words: string[] = [];
    for await (const chunk of stream) {
      words.push(chunk.text);
      if (words.length < WORDS) continue;
      running.send({ text: words.join("") });
      say(`says   ${words.join("")}`);
      words = [];
    }
    if (words.length > 0) running.send({ text: words.join("") });
  } finally {
    await running.close();
  }
  say("is done");
}

/** What the second process does. */
async function follow(session: Session, after: string): Promise<void> {
  await using store = storeAt(url);
  const answers = store.sessions.answers(session);
  for await (const event of answers.follow(after === "" ? {} : { after })) {
    if ("event" in event) say(`hears  ${(event.event as { text: string }).text}`);
    else if ("end" in event) say(`hears  the end: ${event.end}`);
  }
}

/** What the program shows that was started by hand. */
async function show(): Promise<void> {
  await using redis = await redisForExample();
  await using store = storeAt(redis.url);
  const { session } = await store.sessions.create({ userId: `ada-${process.pid}`, agentId: "stories" });
  const operationId = crypto.randomUUID();

  heading("A first process answers. The question is in the conversation from the first moment");
  line("you", question);
  const first = new Actor("first", redis.url, "answer", session, operationId);
  await first.hears(/says/, 2);
  await conversation(store, session);
  const heard = await firstEvent(store.sessions.answers(session).follow());

  heading("A second process follows: what it has missed since the first event, and what comes");
  const second = new Actor("second", redis.url, "follow", session, heard.id);
  await second.hears(/hears/, 4);

  heading("The first process is killed. The second hears of it when the lease of two seconds is over");
  first.kill();
  await second.ended;

  heading("A third process finds the question, and asks again under the same operation id");
  const third = new Actor("third", redis.url, "answer", session, operationId);
  await third.ended;

  heading("The conversation has the question once, and the whole answer");
  await conversation(store, session);
  console.log();
  await store.sessions.eraseUser(session);
}

/** Another process. What it says is printed under its name. */
class Actor {
  readonly ended: Promise<unknown>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(text: string) => void>();

  constructor(name: string, ...order: readonly [url: string, role: string, session: Session, argument: string]) {
    const [at, does, session, rest] = order;
    const words = [...process.execArgv, import.meta.filename, does, at, JSON.stringify(session), rest];
    this.#child = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
    this.ended = once(this.#child, "exit");
    createInterface({ input: this.#child.stdout as NodeJS.ReadableStream }).on("line", (text) => {
      line(name, text);
      for (const listener of this.#listeners) listener(text);
    });
  }

  /** Waits until it has said something of this kind so many times. */
  async hears(what: RegExp, times: number): Promise<void> {
    let left = times;
    await new Promise<void>((resolve) => {
      this.#listeners.add((text) => {
        if (what.test(text)) left -= 1;
        if (left === 0) resolve();
      });
    });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

async function firstEvent(events: AsyncGenerator<AnswerEvent>): Promise<AnswerEvent> {
  for await (const event of events) return event;
  throw new Error("Nobody answers.");
}

async function conversation({ sessions }: { sessions: SessionStore }, session: Session): Promise<void> {
  for (const { message, index } of await sessions.conversations.messages(session, session.conversationId)) {
    const text = message.text.length > 60 ? `${message.text.slice(0, 57)}…` : message.text;
    line("redis", `${index + 1}  ${message.type.padEnd(5)}  ${text}`);
  }
}

function storeAt(address: string): { readonly sessions: SessionStore; [Symbol.asyncDispose](): Promise<void> } {
  const client = connect(address);
  const sessions = new SessionStore({ client, keyPrefix: "example" });
  return {
    sessions,
    async [Symbol.asyncDispose]() {
      await sessions.close();
      await client.quit();
    },
  };
}

function say(text: string): void {
  process.stdout.write(`${text.trimEnd()}\n`);
}

if (role === "answer") await answer(JSON.parse(sessionText) as Session, argument);
else if (role === "follow") await follow(JSON.parse(sessionText) as Session, argument);
else await show();
