import { EventEmitter, once } from "node:events";
import { Redis } from "ioredis";
import { SessionStore } from "../../../src/index.js";
import { RunnableWithSession } from "../../../src/runnables/index.js";

// A program of its own that runs turns of a session and closes its store, in the order that the second argument names,
// and has nothing left to do then. It writes a line only when it is still there two seconds later: what keeps it alive.
const [url = "", order] = process.argv.slice(2);
const client = new Redis(url);
const sessions = new SessionStore({ client });
const { session } = await sessions.create({ userId: `leaving ${process.pid}`, agentId: "support" });

const events = new EventEmitter();
const chain = new RunnableWithSession({
  runnable: async () => {
    events.emit("asked");
    await once(events, "answer");
    return "Hello";
  },
  sessions,
});
async function turn(meanwhile: () => unknown = () => {}): Promise<void> {
  const asked = once(events, "asked");
  const running = chain.invoke("Hi", { configurable: { session } });
  await asked;
  await meanwhile();
  events.emit("answer");
  await running;
}

await turn(() => (order === "close, end" ? sessions.close() : undefined));
if (order !== "end" && order !== "close, end") await sessions.close();
if (order === "close, begin, end") await turn();
if (order === "close, signal") sessions.signal(session);
const stored = await sessions.history(session).length();
await client.quit();
process.stdout.write(`${stored} messages\n`);
setTimeout(() => process.stdout.write(`kept by ${process.getActiveResourcesInfo().join(", ")}\n`), 2_000).unref();
