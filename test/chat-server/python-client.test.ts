// The client for Python against the running service, with the machine's Python.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { closingIn } from "../support/closing.js";
import { startTestService, type TestService } from "./support/service.js";

const { closing, through } = closingIn(afterEach);
const clients = path.join(import.meta.dirname, "../../examples/chat-server/clients");

let service: TestService;
beforeAll(async () => {
  service = await startTestService({ environment: { MODEL_PACE: "20" } });
});
afterAll(() => service.stop());

interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  /** All that it has printed so far. */
  readonly printed: () => string;
  /** What it printed, once it has ended well. */
  readonly done: Promise<string>;
}

/** Runs these lines behind a sign-in as Ada, in a session. */
function python(url: string, lines: string): Program {
  const begin = `from chat import *\nclient = ChatClient("${url}")\nclient.sign_in("ada")\nclient.start_session()\n`;
  const child = spawn("python3", ["-u", "-c", begin + lines], {
    env: { ...process.env, PYTHONPATH: clients, PYTHONDONTWRITEBYTECODE: "1" },
  });
  closing.push(() => child.kill());
  let [printed, failed] = ["", ""];
  child.stdout.on("data", (part: Buffer) => (printed += part.toString()));
  child.stderr.on("data", (part: Buffer) => (failed += part.toString()));
  const done = once(child, "close").then(([code]) => {
    expect(failed).toBe("");
    expect(code).toBe(0);
    return printed;
  });
  return { child, printed: () => printed, done };
}

test("asks, reads the conversation, and is told what was refused", async () => {
  const { done } = python(
    service.url,
    `
print(client.ask("My name is Ada."))
print(client.ask("What is my name?", key="one"))
try:
    client.ask("What is my name?", key="one")
except Problem as problem:
    print(problem.code, problem.status)
print([message["text"] for message in client.messages()])
`,
  );
  expect((await done).trim().split("\n")).toEqual([
    "Nice to meet you, Ada.",
    "Your name is Ada.",
    "OPERATION_CONFLICT 409",
    "['My name is Ada.', 'Nice to meet you, Ada.', 'What is my name?', 'Your name is Ada.']",
  ]);
});

test("has the memory as a dictionary", async () => {
  const { done } = python(
    service.url,
    `
key = "a key with spaces/and a slash, 日本"
client.memory[key] = {"vegetarian": True}
print(client.memory[key], key in client.memory, list(client.memory) == [key], len(client.memory))
del client.memory[key]
print(client.memory.get(key), len(client.memory))
try:
    del client.memory[key]
except KeyError:
    print("nothing")
`,
  );
  expect((await done).trim().split("\n")).toEqual(["{'vegetarian': True} True True 1", "None 0", "nothing"]);
});

test("follows a stream across a connection that is cut: every word once, in order", async () => {
  const { hostname, port } = new URL(service.url);
  const network = await through({ host: hostname, port: Number(port) });
  const program = python(
    network.url.replace("redis:", "http:"),
    `
for event in client.stream("Tell me a long story."):
    print(event["text"], end="", flush=True)
print()
print(client.messages()[-1]["text"])
`,
  );
  for (const word of ["Monday", "Thursday"]) {
    await expect.poll(program.printed, { timeout: 20_000 }).toContain(word);
    network.refuse();
    await network.heal();
  }
  const [heard = "", stored] = (await program.done).trim().split("\n");
  expect(heard).toMatch(/^Once upon.*Monday.*Thursday.*there still\.$|^Once upon.*still\.$/);
  expect(heard).toBe(stored);
});

test("finds an answer that waits, decides, and stops one", async () => {
  const { done } = python(
    service.url,
    `
client.ask("Remember that I like tea.")
try:
    for event in client.stream("Forget everything."):
        print(event["type"])
except AnswerEnded as ended:
    print(ended.how)
current = client.current()
print(current["state"], current["approval"][0]["name"])
print(client.decide(current["operationId"], True))
events = client.stream("Tell me a long story.")
next(events)
print(client.stop())
try:
    for event in events:
        pass
except AnswerEnded as ended:
    print(ended.how, client.current())
`,
  );
  expect((await done).trim().split("\n")).toEqual([
    "call",
    "approval",
    "waiting",
    "waiting forget",
    "I have forgotten all of it.",
    "True",
    "stopped None",
  ]);
});
