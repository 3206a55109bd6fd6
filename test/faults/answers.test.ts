// P14 and P15 under fire: answers in flight while the server dies, stands still or is full, and while replies are lost.
// Every follower hears an end, a turn is stored exactly when its answer says so, and nothing acknowledged is lost.
import { setTimeout as pause } from "node:timers/promises";
import { AIMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { afterEach, describe, expect, inject, test } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { startRedis } from "langchain-redis-sessions/testing";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { heard, said } from "../answers/support/answering.js";
import { damaged } from "../past/support/damaged.js";
import { closingIn } from "../support/closing.js";
import { OwnServer } from "../support/own-server.js";
import type { Client } from "../support/topologies.js";
import { freshId } from "../support/turns.js";
import { AnswerLoad, type AnswersVerdict, brokenOf } from "./support/answer-load.js";
import { amount, choicesFor, progress, report } from "./support/run.js";
import { added, type TurnHistory } from "./support/turn-history.js";

const { closing, keep, through } = closingIn(afterEach);
const choices = choicesFor("answers");
const { single } = inject("servers");
const noServer = (await findServerProgram()) === undefined;

/** A client whose scripts store a turn and do not end its answer. */
const endingApart = (client: Client): Client =>
  damaged(client, "endAnswer(answer, events, token, ending, positionAt(stands, stands.length - 1), channel)", "");
/** A client whose scripts keep what earlier attempts at a request left. */
const keepingParts = (client: Client): Client => damaged(client, "return found.parts, 0", "return 0, 0");
const asIs = (client: Client): Client => client;

describe.skipIf(noServer)("a server that is killed while it answers (needs one on the PATH)", () => {
  test.each([
    { name: "appendfsync always", settings: ["--appendonly", "yes", "--appendfsync", "always"] },
    { name: "control: no persistence", settings: ["--appendonly", "no"] },
  ])("$name", async ({ name, settings }) => {
    const isControl = name.startsWith("control");
    const kills = isControl ? 1 : amount(2, 20);
    const [port = 0] = await findFreePorts(1);
    const server = new OwnServer(port, settings);
    closing.push(() => server.remove());
    await server.start();
    const connect = (): Client => keep(new Redis({ port, retryStrategy: () => 10, maxRetriesPerRequest: null }));
    const load = await AnswerLoad.of(connect, { users: 4 });
    closing.push(() => load.close());
    load.start();
    for (let round = 1; round <= kills; round++) {
      await load.goesOn(10 + choices.below(20));
      await server.kill();
      await server.start();
      progress("SIGKILL of a server that answers", round, kills);
    }
    await load.goesOn();
    await load.stop();
    const verdict = await load.check(connect());
    if (isControl) expect(verdict.lost).toBeGreaterThan(0);
    else expect(brokenOf(verdict)).toEqual({});
    report("answers", { fault: "SIGKILL of the server", with: name, times: kills, ...verdict });
  });
});

/** Tries a control, more each time, until it breaks a promise. */
async function untilSeen(
  broken: "doubled" | "apart",
  attempt: (tries: number) => Promise<AnswersVerdict>,
): Promise<AnswersVerdict> {
  for (let tries = 1; ; tries++) {
    const verdict = await attempt(tries);
    if (verdict[broken] > 0 || tries === 5) return verdict;
  }
}

describe("replies that are lost, of any script at any time", () => {
  const lose = async (change: (client: Client) => Client, times: number): Promise<AnswersVerdict> => {
    const proxy = await through(single);
    const connect = (): Client =>
      change(keep(new Redis({ port: proxy.port, retryStrategy: () => 1, maxRetriesPerRequest: 0 })));
    const load = await AnswerLoad.of(connect, { users: 4 });
    closing.push(() => load.close());
    load.start();
    for (let round = 1; round <= times; round++) {
      await load.goesOn(1 + choices.below(4));
      const before = proxy.faults;
      proxy.dropReplies({ command: ["EVALSHA", "EVAL"], count: 1 + choices.below(6) });
      await expect.poll(() => proxy.faults).toBeGreaterThan(before);
      progress("replies lost while it answers", round, times);
    }
    await proxy.heal();
    await load.stop();
    return load.check(keep(new Redis({ ...single })));
  };

  test("nothing acknowledged is lost or doubled, and every follower hears an end", async () => {
    const times = amount(15, 500);
    const verdict = await lose(asIs, times);
    expect(brokenOf(verdict)).toEqual({});
    report("answers", { fault: "replies lost", with: "scripts as they are", times, ...verdict });
  });

  test("the control: scripts that keep what earlier attempts left have questions twice", async () => {
    // Where replies are lost is left to chance, so it may take more of them.
    const verdict = await untilSeen("doubled", (tries) => lose(keepingParts, 10 * tries));
    expect(verdict.doubled).toBeGreaterThan(0);
    report("answers", { fault: "replies lost", with: "control: earlier attempts are kept", times: 10, ...verdict });
  });
});

describe("memory that runs out", () => {
  const fill = async (
    change: (client: Client) => Client,
    isEnough: (history: TurnHistory) => boolean,
  ): Promise<AnswersVerdict> => {
    await using redis = await startRedis({ args: ["--maxmemory", "4mb", "--maxmemory-policy", "noeviction"] });
    const own: Client[] = [];
    const connect = (): Client => {
      const client = new Redis(redis.url);
      own.push(client);
      return change(client);
    };
    const client = new Redis(redis.url);
    const load = await AnswerLoad.of(connect, { users: 20, repetitions: 0, length: 8_000 });
    // The server is full soon. Then there is room for a few answers again: some fail at their beginning, some at their end.
    await load.askUntil(isEnough, async (number) => {
      await client.set(`filler:${number}`, "x".repeat(choices.below(24_000))).catch(() => {});
      if (choices.below(4) !== 0) return;
      await client.unlink(...Array.from({ length: 4 }, () => `filler:${choices.below(number + 1)}`));
    });
    await client.config("SET", "maxmemory", "0");
    const verdict = await load.check(client);
    await load.close();
    for (const one of [client, ...own]) one.disconnect();
    return verdict;
  };

  test("an answer is stored whole, or its caller and its followers hear that it is not", async () => {
    // One server does not take many: what was stored stays, until there is room for no other answer.
    const servers = amount(1, 20);
    const verdicts: AnswersVerdict[] = [];
    for (let server = 1; server <= servers; server++) {
      const verdict = await fill(
        asIs,
        (history) => Math.min(history.count("refused"), history.count("indeterminate")) >= amount(3, 10),
      );
      expect(brokenOf(verdict)).toEqual({});
      verdicts.push(verdict);
      progress("servers whose memory runs out", server, servers);
    }
    report("answers", { fault: "memory full", with: "scripts as they are", times: servers, ...added(verdicts) });
  });

  test("the control: scripts that do not end the answer with its turn say that a stored one is not", async () => {
    const verdict = await untilSeen("apart", (tries) =>
      fill(endingApart, (history) => history.count("acknowledged") >= 10 * tries),
    );
    expect(verdict.apart).toBeGreaterThan(0);
    report("answers", { fault: "memory full", with: "control: the end is apart", ...verdict });
  });
});

describe.skipIf(noServer)(
  "a server that stands still for 3 s in the middle of an answer (needs one on the PATH)",
  () => {
    test.each([
      { lease: 2, name: "a lease that lapses meanwhile" },
      { lease: 30, name: "a lease that does not" },
    ])(
      "the request that asked gets every token meanwhile, others get all of them afterwards: $name",
      async ({ lease }) => {
        const [port = 0] = await findFreePorts(1);
        const server = new OwnServer(port, []);
        closing.push(() => server.remove());
        await server.start();
        const connect = (): Client => keep(new Redis({ port, maxRetriesPerRequest: null }));
        const [asking, following] = [connect(), connect()].map((client) => new SessionStore({ client }));
        if (!asking || !following) throw new Error("There are two.");
        const { session } = await asking.create({ userId: freshId(), agentId: "assistant" });
        const answers = asking.answers(session);
        const answer = await answers.begin({ operationId: freshId(), input: "Hi", lease });
        answer.send("first");
        const asker = answers.serve(answer, new AbortController().signal);
        const follower = following.answers(session).follow();
        expect(said([(await asker.next()).value as never])).toEqual(["first"]);
        expect(said([(await follower.next()).value as never])).toEqual(["first"]);

        server.signal("SIGSTOP");
        const tokens = Array.from({ length: 100 }, (_, index) => `token ${index}`);
        const told: unknown[] = [];
        let isOthers = false;
        // The control: whoever follows through Redis gets nothing before it goes on.
        const next = follower.next().then((event) => {
          isOthers = true;
          return event;
        });
        for (const token of tokens) {
          answer.send(token);
          told.push(...said([(await asker.next()).value as never]));
        }
        expect(told).toEqual(tokens);
        await pause(3_000);
        expect(isOthers).toBe(false);
        server.signal("SIGCONT");

        const stored = await answer.store([new AIMessage("Hello")]).then(
          () => true,
          () => false,
        );
        await answer.close();
        const rest: unknown[] = said([(await next).value as never]);
        for await (const event of follower) rest.push(...said([event]));
        const end = stored ? "stored" : "interrupted";
        expect(rest.at(-1)).toEqual({ end });
        if (stored) expect(rest).toEqual([...tokens, { end }]);
        expect((await heard(following.answers(session))).at(-1)).toEqual({ end });
        const texts = (await following.history(session).getMessages()).map(({ text }) => text);
        expect(texts).toEqual(stored ? ["Hi", "Hello"] : ["Hi"]);
        if (lease === 30) expect(stored).toBe(true);
        await asking.close();
        await following.close();
      },
    );
  },
);
