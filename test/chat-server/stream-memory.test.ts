// A service runs for months: what a stream takes has to be given back when it is over, however it ends.
import { Agent, type IncomingMessage, request } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { freshId } from "../support/turns.js";
import { type ChildService, startChildService } from "./support/child-service.js";
import { Visitor } from "./support/visitor.js";

const STREAMS = 500;
const ROUNDS = 3;
/** Of what a stream may leave. Those that left their listeners behind left 25,000 and more. */
const MAX_BYTES_EACH = 8_000;

let folder: string;
let service: ChildService;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "stream-memory-"));
  const { host, port } = inject("servers").single;
  service = await startChildService(
    {
      REDIS_URL: `redis://${host}:${port}`,
      DATA_DIR: folder,
      KEY_PREFIX: freshId(),
      REQUESTS_PER_MINUTE: "100000",
      MAX_STREAMS_PER_USER: String(STREAMS),
    },
    "test/chat-server/support/measured-service.ts",
  );
});
afterAll(async () => {
  await service.end();
  await rm(folder, { recursive: true });
});

/** Of the service, after a collection, in bytes. */
async function heap(): Promise<number> {
  const said = (): string[] => service.printed().stdout.match(/^heap \d+$/gm) ?? [];
  const before = said().length;
  service.process.kill("SIGUSR2");
  await expect.poll(() => said().length, { timeout: 20_000 }).toBeGreaterThan(before);
  return Number(said().at(-1)?.slice("heap ".length));
}

/** One stream of events, once it is open. */
function open(visitor: Visitor, agent: Agent): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(`${service.url}/session/events`, { agent, headers: visitor.credentials }, (response) => {
      response.once("error", () => {});
      response.once("data", () => resolve(response));
    })
      .once("error", reject)
      .end();
  });
}

const over = (response: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    response.once("close", resolve).resume();
  });

const endings: Readonly<Record<string, (visitor: Visitor, streams: readonly IncomingMessage[]) => Promise<unknown>>> = {
  "the client leaves": async (_visitor, streams) => streams.forEach((stream) => stream.destroy()),
  "the session ends": (visitor) => visitor.send(`/sessions/${visitor.session.id}`, { method: "DELETE" }),
};

test.each(Object.entries(endings))(
  "of streams that are over because %s nothing is left",
  { timeout: 120_000 },
  async (_name, end) => {
    let visitor = await Visitor.inSession(service.url);
    const round = async (): Promise<void> => {
      const agent = new Agent({ maxSockets: STREAMS });
      const streams = await Promise.all(Array.from({ length: STREAMS }, () => open(visitor, agent)));
      // What is held weakly is let go of while it is still in use, too.
      await heap();
      const closed = Promise.all(streams.map(over));
      await end(visitor, streams);
      await closed;
      agent.destroy();
      if ((await visitor.send("/session")).status !== 200) visitor = await Visitor.inSession(service.url);
      await heap();
    };
    // The first one fills what stays: compiled code, pools of buffers.
    await round();
    const before = await heap();
    for (let count = 0; count < ROUNDS; count++) await round();
    const left = ((await heap()) - before) / (ROUNDS * STREAMS);
    expect(left, "bytes a stream").toBeLessThan(MAX_BYTES_EACH);
  },
);
