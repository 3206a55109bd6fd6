// What was acknowledged is there after the server was killed, when its append-only file is synced before it answers.
import { Redis } from "ioredis";
import { afterEach, describe, expect, test } from "vitest";
import { RedisChatMessageHistory } from "langchain-redis-sessions";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { closingIn } from "../support/closing.js";
import { freshId } from "../support/turns.js";
import { OwnServer } from "../support/own-server.js";
import { type LibraryClients, libraryClients } from "./support/library-clients.js";
import { amount, choicesFor, progress, report } from "./support/run.js";
import { added, TurnHistory, type Verdict, violations } from "./support/turn-history.js";
import { appendOnce } from "./support/writers.js";

const APPENDS = amount(200, 2_000);
const WRITERS = 8;
const choices = choicesFor("crash");

const { closing, keep } = closingIn(afterEach);

/** Appends, kills the server in the midst of it, starts it again, and appends the rest. */
async function crash(settings: readonly string[], { connect }: LibraryClients): Promise<Verdict> {
  const [port = 0] = await findFreePorts(1);
  const server = new OwnServer(port, settings);
  closing.push(() => server.remove());
  await server.start();
  const { client, close } = connect(server, 10);
  closing.push(close);
  const admin = keep(new Redis({ port, maxRetriesPerRequest: null, retryStrategy: () => 10 }));
  const history = new TurnHistory();
  const killAt = Math.round(APPENDS * (0.2 + choices.below(60) / 100));
  let done = 0;
  let restart: Promise<void> | undefined;
  const write = async (conversation: string, number: number): Promise<void> => {
    // Every tenth stays unknown when it fails; no client resends one of those, whose deadline is over by then.
    const repetitions = number % 10 === 0 ? 0 : 1_000;
    const deadline = number % 10 === 0 ? 0.05 : 5;
    await appendOnce(`${conversation}/${number}`, {
      options: { client, deadline },
      conversation,
      history,
      repetitions,
    });
    done += 1;
    if (done === killAt) restart = server.kill().then(() => server.start());
  };
  const conversations = Array.from({ length: WRITERS }, freshId);
  await Promise.all(
    conversations.map(async (conversation) => {
      for (let number = 0; number < APPENDS / WRITERS; number++) await write(conversation, number);
    }),
  );
  await restart;
  await expect.poll(() => admin.ping(), { timeout: 20_000 }).toBe("PONG");
  return history.check((sessionId) => new RedisChatMessageHistory({ client: admin, sessionId }).getMessages());
}

describe.skipIf((await findServerProgram()) === undefined)("a server that is killed (needs one on the PATH)", () => {
  const cases = [
    ...libraryClients.map((clients, index) => ({
      name: "appendonly yes, appendfsync always",
      settings: ["--appendonly", "yes", "--appendfsync", "always"],
      by: clients.by,
      clients,
      rounds: amount(1, index === 0 ? 20 : 5),
    })),
    ...libraryClients.slice(0, 1).map((clients) => ({
      name: "control: no persistence",
      settings: ["--appendonly", "no"],
      by: clients.by,
      clients,
      rounds: amount(1, 3),
    })),
  ];
  test.each(cases)("$name, by $by", async ({ name, settings, clients, rounds }) => {
    const verdicts: Verdict[] = [];
    for (let round = 1; round <= rounds; round++) {
      verdicts.push(await crash(settings, clients));
      for (const close of closing.splice(0).toReversed()) await close();
      progress(`SIGKILL, ${name}`, round, rounds);
    }
    const total = added(verdicts);
    if (name.startsWith("control")) expect(total.lost).toBeGreaterThan(0);
    else expect(violations(total)).toEqual({});
    report("crash", { persistence: name, client: clients.by, SIGKILLs: rounds, ...total });
  });
});
