// P2 under fire: the connection is cut at every byte of the reply to every write, and the client sends it again.
import { Redis } from "ioredis";
import { afterEach, expect, inject, test } from "vitest";
import { closingIn } from "../support/closing.js";
import { isSealed } from "../support/sealed.js";
import { choicesFor, progress, report, whole } from "./support/run.js";
import { libraryOn, readsFirst, type WriteOperation } from "./support/write-operation.js";
import { writeOperations } from "./support/write-operations.js";

const { single } = inject("servers");
/** Byte by byte in a whole run; some of them in `npm test`. */
const STEP = whole ? 1 : 37;
const choices = choicesFor("cut replies");
const operations = (): readonly WriteOperation[] =>
  whole || isSealed ? writeOperations : choices.shuffled(writeOperations).slice(0, 2);

const { closing, keep, through } = closingIn(afterEach);

test.each(operations())(
  "$name takes effect once, at whatever byte of its reply the connection ends",
  async (operation) => {
    const { name, prepare } = operation;
    const proxy = await through(single);
    const client = new Redis({ port: proxy.port, maxRetriesPerRequest: 20, retryStrategy: () => 1 });
    const direct = new Redis({ ...single });
    for (const one of [client, direct]) {
      one.on("error", () => {});
      closing.push(() => one.disconnect());
    }
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
    report("cut-replies", { write: name, "bytes of the reply, each cut at": cuts, "not once": wrong });
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
