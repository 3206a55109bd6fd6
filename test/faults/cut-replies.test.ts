// P2 under fire: the connection is cut at every byte of the reply to every write, and the client sends it again.
import { Redis } from "ioredis";
import { afterEach, expect, inject, test } from "vitest";
import type { RedisClient } from "langchain-redis-sessions";
import { fromNodeRedis } from "langchain-redis-sessions/node-redis";
import { closingIn } from "../support/closing.js";
import { connected, nodeRedisVersions } from "../support/node-redis.js";
import { isSealed } from "../support/sealed.js";
import { choicesFor, progress, report, whole } from "./support/run.js";
import { libraryOn, readsFirst, type WriteOperation } from "./support/write-operation.js";
import { writeOperations } from "./support/write-operations.js";

const { single } = inject("servers");
/** Byte by byte in a whole run; some of them in `npm run test:programs`. */
const STEP = whole ? 1 : 37;
const choices = choicesFor("cut replies");
const operations = (): readonly WriteOperation[] =>
  whole || isSealed ? writeOperations : choices.shuffled(writeOperations).slice(0, 2);

const { closing, keep, through } = closingIn(afterEach);

const clients: readonly { version: string; connect: (port: number) => RedisClient | Promise<RedisClient> }[] = [
  {
    version: "ioredis 6",
    connect: (port) => keep(new Redis({ port, maxRetriesPerRequest: 20, retryStrategy: () => 1 })),
  },
  ...nodeRedisVersions.map(({ version, createClient }) => ({
    version,
    connect: async (port: number) => {
      const client = await connected(createClient({ socket: { port, reconnectStrategy: 1 } }));
      closing.push(() => client.destroy());
      return fromNodeRedis(client);
    },
  })),
];

/** Of node-redis one write in `npm run test:programs`. */
const cases = clients.flatMap(({ version, connect }, index) =>
  operations()
    .slice(0, whole || index === 0 ? undefined : 1)
    .map((operation) => ({ name: operation.name, version, connect, operation })),
);

test.each(cases)(
  "$name takes effect once, at whatever byte of its reply the connection ends, by $version",
  async ({ name, version, connect, operation }) => {
    const { prepare } = operation;
    const proxy = await through(single);
    const client = await connect(proxy.port);
    const direct = keep(new Redis({ ...single }));
    const [library, beside] = [libraryOn(client), libraryOn(direct)];
    await (await prepare(beside)).act(beside, {});
    let [cuts, wrong] = [0, 0];
    // A cut behind the end of a reply lets it pass whole, and ends the connection after it: the reply is that long.
    for (let offset = 0, passed = false; !passed; offset += STEP) {
      const { act, once } = await prepare(beside);
      let before = 0;
      const cut = async (): Promise<void> => {
        before = proxy.requestsNamed("EVALSHA");
        proxy.cutReply({ command: ["EVALSHA", "EVAL"], afterBytes: offset });
      };
      // Of what reads first it is the reply to its writing that is cut.
      if (!readsFirst(operation)) await cut();
      const result = await act(library, {}, readsFirst(operation) ? cut : undefined);
      passed = proxy.requestsNamed("EVALSHA") - before === 1;
      cuts += 1;
      if (!(await once(result, "alone").catch(() => false))) wrong += 1;
      progress(`${name}, cut at byte`, offset, offset);
    }
    expect(wrong).toBe(0);
    expect(cuts).toBeGreaterThan(0);
    report("cut-replies", { client: version, write: name, "bytes of the reply, each cut at": cuts, "not once": wrong });
  },
);

test("control: a plain RPUSH is stored twice at every byte but the last", async () => {
  const proxy = await through(single);
  const client = keep(new Redis({ port: proxy.port, maxRetriesPerRequest: 20, retryStrategy: () => 1 }));
  let doubled = 0;
  for (let offset = 0; offset < ":1\r\n".length; offset++) {
    proxy.cutReply({ command: "RPUSH", afterBytes: offset });
    await client.rpush(`test-cut-${offset}`, "once");
    if ((await client.llen(`test-cut-${offset}`)) > 1) doubled += 1;
    await client.del(`test-cut-${offset}`);
  }
  // A whole reply without its last byte is enough for the client's parser.
  expect(doubled).toBeGreaterThanOrEqual(3);
  report("cut-replies", { write: "RPUSH (control)", "bytes of the reply, each cut at": 4, "not once": doubled });
});
