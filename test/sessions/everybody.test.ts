// endEverybody(): every owner of the prefix, on every primary, in bounded steps, and nobody else's.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  type EndEverybodyProgress,
  InvalidOptionError,
  ReauthenticationRequiredError,
  SessionStore,
  StoreUnavailableError,
} from "langchain-redis-sessions";
import { ownerTag } from "../../src/redis/keys.js";
import { closingIn } from "../support/closing.js";
import { amount } from "../support/amount.js";
import { type Client, allTopologies } from "../support/topologies.js";
import { freshId, turn } from "../support/turns.js";
import { storedKeys } from "./support/stored-keys.js";

const OWNERS = amount(120, 5_000);
const { closing } = closingIn(afterEach);

// The user with the least rights may not SCAN: test/promises/least-privilege.test.ts.
describe.each(allTopologies.filter(({ name }) => !name.includes("least rights")))(
  "endEverybody(), on $name",
  ({ name: topology, connect }) => {
    let client: Client;
    beforeAll(() => {
      client = connect();
    });
    afterAll(async () => {
      await client.quit();
    });
    const storeWith = (keyPrefix: string, on: Client = client): SessionStore => {
      const store = new SessionStore({ client: on, keyPrefix });
      closing.push(() => store.close());
      return store;
    };
    const user = () => ({ userId: freshId(), agentId: "support" });
    const authenticatedAt = new Date(Date.now() - 60_000);

    test(`ends the sessions of ${OWNERS} owners with their signals, and no sign-in from before opens another`, async () => {
      const sessions = storeWith(`test-${freshId()}`);
      const users = Array.from({ length: OWNERS }, user);
      const made = await Promise.all(users.map((one) => sessions.create({ ...one, authenticatedAt })));
      await Promise.all(made.map(({ session }) => sessions.history(session).addMessages(turn("Hi"))));
      // Of some there is no session any more, and something else.
      const [signedOut = user(), alone = user()] = users;
      await sessions.endById(signedOut, made[0]?.session.id ?? "");
      await sessions.memory(made[1]?.session ?? expect.unreachable()).set("a", 1);
      await sessions.endById(alone, made[1]?.session.id ?? "");
      await sessions.conversations.delete(alone, made[1]?.session.conversationId ?? "");
      const signals = made.slice(2).map(({ session }) => sessions.signal(session));

      const told: EndEverybodyProgress[] = [];
      const ended = await sessions.endEverybody({ onProgress: (progress) => told.push(progress) });
      expect(ended).toEqual({ owners: OWNERS, sessions: OWNERS - 2 });
      expect(told.at(-1)).toMatchObject({ ...ended, scanned: told[0]?.primaries });
      expect(told[0]?.primaries).toBe("nodes" in client ? 3 : 1);
      expect(told.map(({ owners }) => owners)).toEqual(told.map(({ owners }) => owners).toSorted((a, b) => a - b));

      await expect.poll(() => signals.every(({ aborted }) => aborted)).toBe(true);
      for (const [index, one] of users.entries()) {
        await expect(sessions.verify(made[index]?.token ?? "")).rejects.toMatchObject({ reason: "ended" });
        await expect(sessions.create({ ...one, authenticatedAt })).rejects.toThrow(ReauthenticationRequiredError);
      }
      // A conversation outlives its sessions; whoever signs in anew has it.
      const { session } = await sessions.create({
        ...signedOut,
        conversationId: made[0]?.session.conversationId,
        authenticatedAt: new Date(Date.now() + 5_000),
      });
      expect(await sessions.history(session).length()).toBe(2);
    }, 120_000);

    test("looks at a bounded number of keys a step, and may be stopped and repeated", async () => {
      const sessions = storeWith(`test-${freshId()}`);
      // What is somebody else's in the same Redis is passed over in the same steps.
      const others = Array.from({ length: 3_000 }, (_, index) => `test-${freshId()}:${index}`);
      await Promise.all(others.map((key) => client.set(key, "", "EX", 120)));
      const { token } = await sessions.create(user());
      let steps = 0;
      const stopping = sessions.endEverybody({
        onProgress: () => {
          steps += 1;
          if (steps === 3) throw new Error("stop");
        },
      });
      await expect(stopping).rejects.toThrow("stop");
      await sessions.endEverybody({ onProgress: () => (steps += 1) });
      expect(steps).toBeGreaterThan(6);
      await expect(sessions.verify(token)).rejects.toMatchObject({ reason: "ended" });
      await Promise.all(others.map((key) => client.unlink(key)));
    });

    test("leaves sessions of another prefix alone, even if a prefix looks like a pattern", async () => {
      const name = freshId();
      const [stars, ones] = [storeWith(`test-${name}*[a]?`), storeWith(`test-${name}-b-a-c`)];
      const one = user();
      const { token } = await ones.create(one);
      const starred = await stars.create(one);
      expect(await stars.endEverybody()).toEqual({ owners: 1, sessions: 1 });
      await ones.verify(token, { authenticatedAt });
      await expect(stars.verify(starred.token)).rejects.toMatchObject({ reason: "ended" });
    });

    // A client of node-redis with a prefix is refused.
    test.skipIf(topology.includes("node-redis"))(
      "finds the keys of a client that puts a prefix of its own before them, and only those",
      async () => {
        const prefixed = connect({ keyPrefix: "app:" });
        closing.push(() => prefixed.quit());
        const keyPrefix = `test-${freshId()}`;
        const [behind, plain] = [storeWith(keyPrefix, prefixed), storeWith(keyPrefix)];
        const one = user();
        const hidden = await behind.create(one);
        const { token } = await plain.create(one);
        expect(await behind.endEverybody()).toEqual({ owners: 1, sessions: 1 });
        await plain.verify(token, { authenticatedAt });
        await expect(behind.verify(hidden.token)).rejects.toMatchObject({ reason: "ended" });
      },
    );

    test("does not end the session of a user who signed in after it passed", async () => {
      const sessions = storeWith(`test-${freshId()}`);
      const one = user();
      const { session } = await sessions.create(one);
      await sessions.history(session).addMessages(turn("Hi"));
      // Two keys show this owner: sessions and conversations. The mark of the first tells at the second.
      expect(await sessions.endEverybody()).toEqual({ owners: 1, sessions: 1 });
      expect(await storedKeys(client, `*${ownerTag(one.userId, undefined)}*:not-before`)).toHaveLength(1);
    });

    test("leaves nobody out when all were spared by their own endAll before", async () => {
      const sessions = storeWith(`test-${freshId()}`);
      const one = user();
      const { token, session } = await sessions.create({ ...one, authenticatedAt });
      await sessions.endAll(one, { except: session });
      await sessions.endEverybody();
      await expect(sessions.verify(token, { authenticatedAt })).rejects.toMatchObject({ reason: "ended" });
    });
  },
);

test("says what it cannot do", async () => {
  const client = allTopologies[0]?.connect() ?? expect.unreachable();
  const sessions = new SessionStore({ client, deadline: 0.5 });
  await expect(sessions.endEverybody({ onProgress: 5 as never })).rejects.toThrow(InvalidOptionError);
  client.disconnect();
  await expect(sessions.endEverybody()).rejects.toThrow(StoreUnavailableError);
});
