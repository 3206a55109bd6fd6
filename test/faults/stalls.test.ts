// P4 under fire: the server stands still, and every call settles within its deadline and a tenth.
import { Redis } from "ioredis";
import { afterEach, describe, expect, test } from "vitest";
import { StoreUnavailableError } from "langchain-redis-sessions";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { closingIn } from "../support/closing.js";
import { freshId } from "../support/turns.js";
import { OwnServer } from "../support/own-server.js";
import { tooLateAfter } from "../support/too-late.js";
import { libraryClients } from "./support/library-clients.js";
import { progress, report, whole } from "./support/run.js";
import { libraryOn } from "./support/write-operation.js";
import { writeOperations } from "./support/write-operations.js";

const DEADLINE = 0.9;
const seconds = whole ? [1, 2, 5, 10] : [2];
const EACH = whole ? 5 : 1;

const { closing, keep } = closingIn(afterEach);

interface Stall {
  readonly name: string;
  readonly begin: (admin: Redis, server: OwnServer, milliseconds: number) => Promise<void>;
}

const stalls: readonly Stall[] = [
  {
    name: "CLIENT PAUSE",
    begin: async (admin, _server, milliseconds) => {
      await admin.call("CLIENT", "PAUSE", milliseconds, "ALL");
    },
  },
  {
    name: "DEBUG SLEEP",
    begin: async (admin, _server, milliseconds) => {
      void admin.call("DEBUG", "SLEEP", milliseconds / 1_000).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 50));
    },
  },
  {
    name: "SIGSTOP",
    begin: async (_admin, server, milliseconds) => {
      server.signal("SIGSTOP");
      setTimeout(() => server.signal("SIGCONT"), milliseconds);
    },
  },
];

describe.skipIf((await findServerProgram()) === undefined)("a server that stands still (needs one on the PATH)", () => {
  const cases = stalls.flatMap((stall) => seconds.map((length) => ({ name: stall.name, begin: stall.begin, length })));
  const casesOf = libraryClients.flatMap((clients) =>
    (whole ? cases : cases.slice(-1)).map(({ name, begin, length }) => ({
      name,
      begin,
      length,
      by: clients.by,
      clients,
    })),
  );
  test.each(casesOf)("$name for $length s, by $by", async ({ name, begin, length, by, clients }) => {
    const [port = 0] = await findFreePorts(1);
    const server = new OwnServer(port, ["--enable-debug-command", "yes"]);
    closing.push(() => server.remove());
    await server.start();
    const { client, close } = clients.connect(server, 10);
    closing.push(close);
    const [admin, raw] = [
      keep(new Redis({ port, maxRetriesPerRequest: null })),
      keep(new Redis({ port, maxRetriesPerRequest: null })),
    ];
    const [library, beside] = [libraryOn(client, DEADLINE), libraryOn(admin)];
    const prepared = await Promise.all(
      Array.from({ length: EACH }, () => writeOperations.map(({ prepare }) => prepare(beside))).flat(),
    );
    await raw.ping();
    await library.history("x").getMessages();
    await begin(admin, server, length * 1_000);
    let [late, longest] = [0, 0];
    const inTime = async (call: Promise<unknown>): Promise<unknown> => {
      // Begun together: what delays this timer delays the deadline's own.
      let over = false;
      void tooLateAfter(DEADLINE * 1_100).then(() => (over = true));
      const sent = performance.now();
      const result = await call.catch((error: unknown) => error);
      if (over) late += 1;
      longest = Math.max(longest, performance.now() - sent);
      return result;
    };
    const control = inTime(raw.get("x")).then(() => {
      const controlLate = late;
      late -= controlLate;
      return controlLate;
    });
    const writes = prepared.map(({ act }) => {
      const operationId = freshId();
      return { operationId, result: inTime(act(library, { operationId })) };
    });
    const reads = [
      library.history("x").getMessages(),
      library.memory("x").get("x"),
      library.sessions.list({ userId: "x" }),
      library.saver.getTuple({ configurable: { thread_id: "x" } }),
      library.store.search(["x", "y"]),
    ];
    const readResults = await Promise.all(reads.map(inTime));
    const results = await Promise.all(writes.map(({ result }) => result));
    const lateCalls = late;
    const longestCall = longest;
    const unavailable = [...results, ...readResults].filter((result) => result instanceof StoreUnavailableError).length;
    const controlLate = await control;
    // Afterwards each is repeated: once, all the same.
    await expect.poll(() => admin.ping(), { timeout: 30_000 }).toBe("PONG");
    const right = await Promise.all(
      prepared.map(async ({ act, once }, index) => {
        const { operationId } = writes[index] ?? { operationId: "" };
        const result = await act(beside, { operationId });
        return once(result, "alone");
      }),
    );
    const wrong = right.filter((one) => !one).length;
    progress(`${name}, seconds`, length, 10);
    expect(lateCalls).toBe(0);
    expect(wrong).toBe(0);
    if (length >= 2) expect(controlLate, "ioredis alone is late").toBe(1);
    report("stalls", {
      stall: name,
      client: by,
      seconds: length,
      calls: results.length + readResults.length,
      "told that Redis is away": unavailable,
      "later than deadline + 10 %": lateCalls,
      "slowest, ms": Math.round(longestCall),
      "repeated, not once": wrong,
      "control: a plain GET": controlLate > 0 ? "late" : "in time",
    });
  });
});
