// P4: what asks for a data key besides settles within the deadline of the call, and not within one for each question.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterEach, beforeEach, expect, inject, test } from "vitest";
import {
  type Keyring,
  RedisChatMessageHistory,
  SessionStore,
  type SessionStoreOptions,
} from "langchain-redis-sessions";
import { RedisSaver } from "langchain-redis-sessions/langgraph";
import { closingIn } from "../support/closing.js";
import { freshId } from "../support/turns.js";
import { ring, TableOfKeys } from "./support/rings.js";

/** A round trip takes more than half of the deadline, so that one is in time and two are not. */
const DEADLINE = 1;
const ONE_WAY_MILLISECONDS = 300;

const { single } = inject("servers");
const { closing, keep, through } = closingIn(afterEach);
const said = [new HumanMessage("one"), new AIMessage("two")];

let id: string;
let direct: Redis;
beforeEach(() => {
  id = freshId();
  direct = keep(new Redis(single));
});

function storeOn(client: Redis, encryption: Keyring, more: Partial<SessionStoreOptions> = {}): SessionStore {
  const store = new SessionStore({ client, encryption, addressBinding: "strict", ...more });
  closing.push(() => store.close());
  return store;
}

/** A client that is far away. */
async function farAway(): Promise<Redis> {
  const proxy = await through(single);
  const client = keep(new Redis({ port: proxy.port }));
  await client.ping();
  proxy.delay(ONE_WAY_MILLISECONDS);
  return client;
}

const tooLate = {
  code: "STORE_UNAVAILABLE",
  message: expect.stringContaining(`within ${DEADLINE * 1_000} ms`) as string,
};

type Read = (opened: { store: SessionStore; history: RedisChatMessageHistory; made: Made }) => Promise<unknown>;
type Made = Awaited<ReturnType<SessionStore["create"]>>;

const reads: readonly (readonly [string, Read])[] = [
  ["history.getMessages", ({ history }) => history.getMessages()],
  ["sessions.history.getMessages", ({ store, made: { session } }) => store.history(session).getMessages()],
  [
    "sessions.conversations.messages",
    ({ store, made: { session } }) => store.conversations.messages(session, session.conversationId),
  ],
  [
    "sessions.conversations.export",
    ({ store, made: { session } }) => store.conversations.export(session, session.conversationId),
  ],
  ["sessions.list", ({ store, made: { session } }) => store.list(session)],
  ["sessions.verify", ({ store, made: { token } }) => store.verify(token, { ipAddress: "203.0.113.7" })],
  ["sessions.answers.current", ({ store, made: { session } }) => store.answers(session).current()],
];

test.each(reads)(
  "%s of a process that does not know the data key has one deadline for both round trips",
  async (_, read) => {
    const near = storeOn(direct, ring());
    const made = await near.create({
      userId: id,
      agentId: "support",
      metadata: { a: 1 },
      ipAddress: "203.0.113.7",
    });
    await near.history(made.session).addMessages(said);
    const answer = await near.answers(made.session).begin({ operationId: id, input: "three" });
    await new RedisChatMessageHistory({ client: direct, sessionId: id, encryption: ring() }).addMessages(said);
    const opened = async (deadline: number): ReturnType<Read> => {
      const client = await farAway();
      const encryption = ring();
      const store = storeOn(client, encryption, { deadline });
      const history = new RedisChatMessageHistory({ client, sessionId: id, encryption, deadline });
      return read({ store, history, made });
    };
    // Control: with the time that both take it is done. From then on Redis knows the script, too.
    await opened(10 * DEADLINE);
    await expect(opened(DEADLINE)).rejects.toMatchObject(tooLate);
    await answer.close();
  },
);

/** A place of keys that is far away. */
class FarKeys extends TableOfKeys {
  isFar = false;

  override async get(owner: string): Promise<string | undefined> {
    if (this.isFar) await new Promise((resolve) => setTimeout(resolve, 2 * ONE_WAY_MILLISECONDS));
    return super.get(owner);
  }
}

test.each([
  [
    "history.clear",
    (encryption: Keyring, deadline: number) =>
      new RedisChatMessageHistory({ client: direct, sessionId: id, encryption, deadline }).clear(),
  ],
  [
    "RedisSaver.deleteThread",
    (encryption: Keyring, deadline: number) =>
      new RedisSaver({ client: direct, encryption, deadline }).deleteThread(id),
  ],
] as const)("%s has one deadline for what it asks of the place of the keys", async (_, remove) => {
  const dataKeys = new FarKeys();
  await new RedisChatMessageHistory({ client: direct, sessionId: id, encryption: ring({ dataKeys }) }).addMessages(
    said,
  );
  const config = { configurable: { thread_id: id, checkpoint_ns: "" } };
  const checkpoint = {
    v: 4,
    id: "1f000000-0000-6000-8000-000000000001",
    ts: new Date().toISOString(),
    channel_values: {},
    channel_versions: {},
    versions_seen: {},
  };
  await new RedisSaver({ client: direct, encryption: ring({ dataKeys }) }).put(
    config,
    checkpoint,
    {
      source: "input",
      step: -1,
      parents: {},
    },
    {},
  );
  expect(dataKeys.table.size).toBe(2);
  dataKeys.isFar = true;
  await expect(remove(ring({ dataKeys }), DEADLINE)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
});
