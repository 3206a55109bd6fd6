import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { refusalCode } from "../../../src/redis/failure.js";
import { type Command, type RedisPort, UnansweredError } from "../../../src/redis/port.js";
import { freshId } from "../../support/turns.js";

/** An adapter's port on one topology, and what a test does to the client behind it. */
export interface AdaptedClient {
  readonly port: RedisPort;
  readonly primaries: number;
  /** Closes the client as its owner would. */
  readonly close: () => Promise<unknown>;
}

/** What the library relies on, of every adapter. */
export function portConformance(name: string, connect: () => Promise<AdaptedClient>): void {
  describe(`the port of ${name}`, () => {
    let adapted: AdaptedClient;
    let port: RedisPort;
    beforeAll(async () => {
      adapted = await connect();
      ({ port } = adapted);
    });
    afterAll(() => adapted.close());

    const tag = freshId();
    const key = (suffix: string): string => `{${tag}}:${suffix}`;
    /** No UTF-8, and bytes that a text would lose. */
    const bytes = Buffer.of(0, 255, 13, 10, 195, 40, 128);
    const text = 'Grüße, 世界 \u0000 "\r\n';

    test("a command carries text, and its reply is text", async () => {
      expect(await port.call(["set", key("text"), text])).toBe("OK");
      expect(await port.call(["get", key("text")])).toBe(text);
      expect(await port.call(["get", key("nothing")])).toBeNull();
      expect(await port.call(["strlen", key("text")])).toBe(Buffer.byteLength(text));
    });

    test("a command carries bytes, and its reply is bytes where they are asked for", async () => {
      await port.call(["rpush", key("bytes"), bytes, "a"]);
      const found = await port.call(["lrange", key("bytes"), "0", "-1"], "bytes");
      expect(found).toEqual([bytes, Buffer.from("a")]);
    });

    test("part of a larger buffer is carried as that part", async () => {
      await port.call(["set", key("part"), Buffer.of(1, 2, 3, 4).subarray(1, 3)]);
      expect(await port.call(["get", key("part")], "bytes")).toEqual(Buffer.of(2, 3));
    });

    test("a refused command rejects with an error that begins with the code", async () => {
      await port.call(["set", key("string"), "a"]);
      const failure = await port.call(["lrange", key("string"), "0", "-1"]).catch((error: unknown) => error);
      expect(refusalCode(failure)).toBe("WRONGTYPE");
    });

    const echo = /* lua */ `#!lua flags=no-writes
return { KEYS[1], ARGV[1], #ARGV, { ARGV[2] } } -- ${tag}`;

    test("a script that the server does not know is refused as NOSCRIPT; once it was sent, its hash does", async () => {
      const sha1 = await sha1Of(echo);
      const failure = await port.evalsha(sha1, 1, [key("k"), "a"]).catch((error: unknown) => error);
      expect(refusalCode(failure)).toBe("NOSCRIPT");
      expect(await port.eval(echo, 1, [key("k"), text, "b"])).toEqual([key("k"), text, 2, ["b"]]);
      expect(await port.evalsha(sha1, 1, [key("k"), text, "b"])).toEqual([key("k"), text, 2, ["b"]]);
    });

    test("a script carries bytes both ways", async () => {
      const reply = [Buffer.from(key("k")), bytes, 2, [Buffer.from("b")]];
      expect(await port.eval(echo, 1, [key("k"), bytes, "b"], "bytes")).toEqual(reply);
      expect(await port.evalsha(await sha1Of(echo), 1, [key("k"), bytes, "b"], "bytes")).toEqual(reply);
    });

    test("a script takes 100,000 arguments", async () => {
      const many = Array.from({ length: 100_000 }, (_, index) => String(index));
      const count = /* lua */ `#!lua flags=no-writes
return { #ARGV, ARGV[#ARGV] }`;
      expect(await port.eval(count, 1, [key("k"), ...many])).toEqual([100_000, "99999"]);
      const sent: Command = ["eval", count, "1", key("k"), ...many];
      expect(await port.pipeline([sent, ["wait", "0", "1"]])).toEqual([[100_000, "99999"], expect.any(Number)]);
    });

    test("a pipeline is answered in its order, and a refusal stands in its place", async () => {
      const [set, wrong, get, missing] = await port.pipeline([
        ["set", key("one"), "1"],
        ["lpush", key("one"), "2"],
        ["get", key("one")],
        ["hget", key("other"), "field"],
      ]);
      expect([set, get, missing]).toEqual(["OK", "1", null]);
      expect(refusalCode(wrong)).toBe("WRONGTYPE");
      const inBytes = await port.pipeline(
        [
          ["set", key("raw"), bytes],
          ["get", key("raw")],
        ],
        "bytes",
      );
      expect(inBytes[1]).toEqual(bytes);
    });

    test("its primaries are clients, each of one node", async () => {
      await port.call(["get", key("one")]);
      const primaries = port.primaries();
      expect(primaries).toHaveLength(adapted.primaries);
      const ids = await Promise.all(primaries.map((node) => node.call(["info", "server"])));
      expect(new Set(ids.map((info) => /^run_id:(\S+)/m.exec(String(info))?.[1])).size).toBe(adapted.primaries);
    });

    test("a subscriber hears its channels, also after its connection was lost, until it is closed", async () => {
      const channel = freshId();
      const heard: string[] = [];
      let subscribed = 0;
      const other = freshId();
      const subscription = port.subscriber({
        onMessage: (from, message) => heard.push(from === channel ? message : `other: ${message}`),
        onSubscribed: (to) => {
          if (to === channel) subscribed += 1;
        },
      });
      subscription.listen(channel);
      subscription.listen(other);
      await vi.waitFor(() => expect(subscribed).toBe(1), { timeout: 10_000 });
      await port.call(["publish", channel, "first"]);
      await vi.waitFor(() => expect(heard).toEqual(["first"]), { timeout: 10_000 });
      await Promise.all(port.primaries().map((node) => node.call(["client", "kill", "type", "pubsub"])));
      await vi.waitFor(() => expect(subscribed).toBe(2), { timeout: 10_000 });
      await port.call(["publish", channel, "second"]);
      await vi.waitFor(() => expect(heard).toEqual(["first", "second"]), { timeout: 10_000 });
      await port.call(["publish", other, "third"]);
      await vi.waitFor(() => expect(heard).toEqual(["first", "second", "other: third"]), { timeout: 10_000 });
      subscription.leave(other);
      await vi.waitFor(async () => {
        const counts = await Promise.all(port.primaries().map((node) => node.call(["pubsub", "numsub", other])));
        expect(counts).toEqual(port.primaries().map(() => [other, 0]));
      });
      subscription.close();
      await vi.waitFor(async () => {
        const counts = await Promise.all(port.primaries().map((node) => node.call(["pubsub", "numsub", channel])));
        expect(counts).toEqual(port.primaries().map(() => [channel, 0]));
      });
    });

    test("where the connection ends within a pipeline, what was not answered is told apart from a refusal", async () => {
      const [node] = port.primaries();
      const id = String(await node?.call(["client", "id"]));
      const kill: Command = ["client", "kill", "id", id, "skipme", "no"];
      const replies = await node?.pipeline([["echo", "a"], kill, ["echo", "b"]]).catch((error: unknown) => [error]);
      expect(replies?.at(-1)).toBeInstanceOf(UnansweredError);
    });

    test("a single command that was not answered when its connection ended is sent again", async () => {
      const other = await connect();
      const ours = freshId();
      await port.call(["get", key("one")]);
      await Promise.all(port.primaries().map((node) => node.call(["client", "setname", ours])));
      const popped = port.call(["blpop", key("list"), "0"]);
      const killed = await vi.waitUntil(async () => {
        for (const node of other.port.primaries()) {
          const clients = String(await node.call(["client", "list"])).split("\n");
          const blocked = clients.find((line) => line.includes(` name=${ours} `) && line.includes(" cmd=blpop "));
          const id = /^id=(\d+)/.exec(blocked ?? "")?.[1];
          if (id !== undefined) return node.call(["client", "kill", "id", id]);
        }
        return undefined;
      });
      expect(killed).toBe(1);
      await other.port.call(["rpush", key("list"), "a"]);
      expect(await popped).toEqual([key("list"), "a"]);
      await other.close();
    });

    test("a client that its owner closed has the status closed", async () => {
      const other = await connect();
      await other.port.call(["get", key("one")]);
      expect(other.port.status).not.toBe("closed");
      await other.close();
      await vi.waitFor(() => expect(other.port.status).toBe("closed"));
      await expect(other.port.call(["get", key("one")])).rejects.toThrow(/closed/);
    });
  });
}

async function sha1Of(lua: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(lua));
  return Buffer.from(digest).toString("hex");
}
