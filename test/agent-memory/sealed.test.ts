// What is sealed cannot be read in Redis, and opens nowhere but in its place.
import { connect } from "node:net";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { AgentMemory, CorruptMessageError, SessionStore } from "langchain-redis-sessions";
import { parseMemoryOptions } from "../../src/agent-memory/options.js";
import { standalonePlace } from "../../src/agent-memory/place.js";
import { setValues } from "../../src/agent-memory/set-values.js";
import type { Keyring } from "../../src/encryption/keyring.js";
import { Budget } from "../../src/redis/budget.js";
import { memoryKeys, ownerKeys, ownerTag } from "../../src/redis/keys.js";
import { HEADER_BYTES, SIZE_DIGITS } from "../../src/redis/scripts/fragments/memory.js";
import { storedKeys } from "../sessions/support/stored-keys.js";
import { closingIn } from "../support/closing.js";
import { freshId } from "../support/turns.js";
import { all } from "./support/all.js";
import { freshRing, ringsOfSwitching } from "./support/forms.js";

const { closing, keep } = closingIn(afterEach);
const { single } = inject("servers");

let client: Redis;
let namespace: string;
beforeEach(() => {
  client = keep(new Redis(single));
  namespace = freshId();
});
const open = (encryption: Keyring | undefined, of = namespace): AgentMemory =>
  new AgentMemory({ client, namespace: of, encryption });
const valuesOf = (of = namespace): string => memoryKeys("chat", of).values;

/** Everything that is stored of a namespace, as one text. */
async function storedBytes(): Promise<string> {
  const dumps = await Promise.all(
    (await storedKeys(client, `chat:memory:{${namespace}}:*`)).map(async (key) => {
      const type = await client.type(key);
      if (type === "string") return [String(await client.getBuffer(key))];
      if (type === "hash")
        return Object.entries(await client.hgetallBuffer(key))
          .flat()
          .map(String);
      return client.zrange(key, "0", "-1");
    }),
  );
  return dumps.flat().join(" ");
}

describe.each([
  { form: "sealed", encryption: freshRing(), found: false },
  { form: "plain, the control", encryption: undefined, found: true },
])("values, $form", ({ encryption, found }) => {
  test(`their content is ${found ? "" : "not "}sent, stored or recorded where it can be read`, async () => {
    const monitor = connect(single.port, single.host);
    closing.push(() => monitor.destroy());
    let sent = "";
    monitor.setEncoding("latin1").on("data", (text: string) => (sent += text));
    monitor.write("MONITOR\r\n");
    await expect.poll(() => sent).toContain("OK");
    const memory = open(encryption);
    const secrets = ["saffron", "cardamom", "turmeric", "fenugreek", "7300123", "7300124", "7300125"];
    await memory.set("x", { herb: "saffron" });
    await memory.setMany({ y: "cardamom", list: ["turmeric"] }, { ttl: "1h" });
    await memory.append("list", "fenugreek");
    await memory.set("n", 7_300_123);
    expect(await memory.increment("n", 1)).toBe(7_300_124);
    await memory.update("n", (n) => Number(n) + 1);
    expect(await all(memory.entries())).toHaveLength(4);
    expect(await memory.getMany(["x", "n"])).toEqual(
      new Map<string, unknown>([
        ["x", { herb: "saffron" }],
        ["n", 7_300_125],
      ]),
    );
    const last = freshId();
    await client.echo(last);
    await expect.poll(() => sent).toContain(last);
    // Others use this server too.
    const own = sent.split("\r\n").filter((line) => line.includes(namespace));
    const seen = [...own, await storedBytes()].join(" ");
    expect(seen).toContain("list");
    expect(secrets.filter((secret) => seen.includes(secret))).toEqual(found ? secrets : []);
  });
});

test.each([
  { form: "sealed", encryption: freshRing(), same: false },
  { form: "plain, the control", encryption: undefined, same: true },
])(
  "the record of an operation tells $form values apart, and shows no guess of them: $same",
  async ({ encryption, same }) => {
    const operationId = freshId();
    const records = await Promise.all(
      [freshId(), freshId()].map(async (of) => {
        const memory = open(encryption, of);
        await memory.set("x", "a guess", { operationId });
        await memory.append("list", "a guess", { operationId: `${operationId} 2` });
        const { operation } = memoryKeys("chat", of);
        const found = [await client.get(operation(operationId)), await client.get(operation(`${operationId} 2`))];
        return found.map((record) => record?.split(" ")[0]);
      }),
    );
    const [first, second] = records;
    expect(first?.map((digest, index) => digest === second?.[index])).toEqual([same, same]);
  },
);

test("a value that is moved to another key, namespace, agent or user is refused by name", async () => {
  const encryption = freshRing();
  await open(encryption).setMany({ mine: "a", other: "b" });
  const swapped = (await client.hgetBuffer(valuesOf(), "mine")) ?? "";
  await client.hset(valuesOf(), "other", swapped);
  await expect(open(encryption).get("other")).rejects.toThrow(/"other".*altered, or belongs elsewhere/);
  await expect(open(encryption).append("other", 1)).rejects.toBeInstanceOf(CorruptMessageError);

  const elsewhere = freshId();
  await open(encryption, elsewhere).set("mine", "c");
  await client.hset(valuesOf(elsewhere), "mine", swapped);
  await expect(open(encryption, elsewhere).get("mine")).rejects.toBeInstanceOf(CorruptMessageError);
  expect(await open(encryption).get("mine")).toBe("a"); // The control: where it belongs.

  const bound = await boundMemory(encryption, { userId: freshId(), agentId: "a" });
  const ofAgent = await boundMemory(encryption, { userId: bound.userId, agentId: "b" });
  const ofUser = await boundMemory(encryption, { userId: freshId(), agentId: "a" });
  for (const { memory } of [bound, ofAgent, ofUser]) await memory.set("mine", "d");
  const one = (await client.hgetBuffer(bound.values, "mine")) ?? "";
  for (const { memory, values } of [ofAgent, ofUser]) {
    await client.hset(values, "mine", one);
    await expect(memory.get("mine")).rejects.toBeInstanceOf(CorruptMessageError);
    await expect(memory.getMany(["mine"])).rejects.toBeInstanceOf(CorruptMessageError);
    await expect(all(memory.entries())).rejects.toBeInstanceOf(CorruptMessageError);
  }
  expect(await bound.memory.get("mine")).toBe("d");
});

/** Returns the memory of a session whose store seals. */
async function boundMemory(
  encryption: Keyring,
  { userId, agentId }: { userId: string; agentId: string },
): Promise<{ memory: AgentMemory; values: string; userId: string }> {
  const sessions = new SessionStore({ client, encryption });
  const { session } = await sessions.create({ userId, agentId });
  const keys = ownerKeys("chat", ownerTag(userId, undefined));
  return { memory: sessions.memory(session), values: keys.memory(agentId).values, userId };
}

test("a value of which any byte of the envelope was flipped, or which was cut, is refused", async () => {
  const memory = open(freshRing());
  await memory.set("x", ["a"]);
  const stored = (await client.hgetBuffer(valuesOf(), "x")) ?? Buffer.alloc(0);
  for (let at = HEADER_BYTES + 1 + SIZE_DIGITS; at < stored.length; at++) {
    const flipped = Buffer.from(stored);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    await client.hset(valuesOf(), "x", flipped);
    await expect(memory.get("x"), `byte ${at}`).rejects.toBeInstanceOf(CorruptMessageError);
    await client.hset(valuesOf(), "x", stored.subarray(0, at));
    await expect(memory.get("x"), `cut at ${at}`).rejects.toBeInstanceOf(CorruptMessageError);
  }
  await client.hset(valuesOf(), "x", stored);
  expect(await memory.get("x")).toEqual(["a"]);
});

test("a calculation repeats its result, also when the value would not suit it any more, or would now give another", async () => {
  const memory = open(freshRing());
  const [counted, listed] = [freshId(), freshId()];
  await memory.set("n", Number.MAX_SAFE_INTEGER - 1);
  expect(await memory.increment("n", 1, { operationId: counted })).toBe(Number.MAX_SAFE_INTEGER);
  expect(await memory.append("list", "a", { operationId: listed })).toBe(1);
  for (const value of [Number.MAX_SAFE_INTEGER, "no number", [1, 2, 3]]) {
    await memory.setMany({ n: value, list: value });
    expect(await memory.increment("n", 1, { operationId: counted })).toBe(Number.MAX_SAFE_INTEGER);
    expect(await memory.append("list", "a", { operationId: listed })).toBe(1);
    expect(await memory.getMany(["n", "list"])).toEqual(
      new Map([
        ["n", value],
        ["list", value],
      ]),
    );
  }
  await expect(memory.increment("n", 2, { operationId: counted })).rejects.toMatchObject({
    code: "OPERATION_CONFLICT",
  });
  await expect(memory.append("list", "b", { operationId: listed })).rejects.toMatchObject({
    code: "OPERATION_CONFLICT",
  });
});

test.each(Object.entries(ringsOfSwitching()))(
  "a set whose reply was lost returns the first result when it is sent again, in the form: %s",
  async (_form, encryption) => {
    const { connection, space } = standalonePlace(parseMemoryOptions({ client, namespace, encryption }));
    const send = (result: number): Promise<number> =>
      setValues(new Budget(connection), space, {
        operationId: "o",
        parts: ["increment"],
        expected: undefined,
        lifetime: "keep",
        entries: [{ key: "n", json: String(result), items: 0 }],
        result,
      });
    expect(await send(5)).toBe(5);
    expect(await send(6)).toBe(5);
    expect(await open(encryption).get("n")).toBe(5);
  },
);

test("the recorded result of another operation is refused", async () => {
  const memory = open(freshRing());
  const [first, second] = [freshId(), freshId()];
  const { operation } = memoryKeys("chat", namespace);
  await memory.increment("n", 1, { operationId: first });
  await memory.increment("n", 1, { operationId: second });
  expect(await memory.increment("n", 1, { operationId: second })).toBe(2);
  const record = (await client.getBuffer(operation(first))) ?? "";
  await client.set(operation(second), record);
  await expect(memory.increment("n", 1, { operationId: second })).rejects.toBeInstanceOf(CorruptMessageError);
  expect(await memory.get("n")).toBe(2);
});

test("a process without `encryption` changes nothing that is sealed, and says what to pass", async () => {
  const [sealing, without] = [open(freshRing()), open(undefined)];
  await sealing.setMany({ n: 1, list: [1] });
  const before = await client.hgetallBuffer(valuesOf());
  for (const call of [
    () => without.get("n"),
    () => without.getMany(["n"]),
    () => all(without.entries()),
    () => without.update("n", () => 2),
    () => without.increment("n"),
    () => without.append("list", 2),
  ]) {
    const error: unknown = await call().catch((reason: unknown) => reason);
    expect(error, String(call)).toBeInstanceOf(CorruptMessageError);
    expect(String(error)).toContain("`encryption`");
  }
  expect(await client.hgetallBuffer(valuesOf())).toEqual(before);
  expect((await all(without.keys())).toSorted()).toEqual(["list", "n"]);
  await without.set("n", 5);
  expect(await without.increment("n")).toBe(6);
});

test("while it is switched on, each process changes what the other has written; a calculation is repeated where it began", async () => {
  const { sealing, plain } = ringsOfSwitching();
  const [sealed, readable] = [open(sealing), open(plain)];
  const isSealed = async (key: string): Promise<boolean> =>
    ((await client.hgetBuffer(valuesOf(), key)) ?? Buffer.alloc(0)).includes(0xff);
  await sealed.setMany({ n: 1, list: ["a"] });
  const operationId = freshId();
  expect(await readable.increment("n", 1, { operationId })).toBe(2);
  expect(await isSealed("n")).toBe(false);
  await sealed.increment("n");
  expect(await isSealed("n")).toBe(true);
  expect(await readable.increment("n", 1, { operationId })).toBe(2);
  expect(await readable.append("list", "b", { max: 1 })).toBe(1);
  expect(await sealed.append("list", "c")).toBe(2);
  expect(await readable.update("list", (list) => [...(list as string[]), "d"])).toHaveProperty("version");
  expect(await sealed.getMany(["n", "list"])).toEqual(
    new Map<string, unknown>([
      ["n", 3],
      ["list", ["b", "c", "d"]],
    ]),
  );
  expect(await readable.usage()).toMatchObject({ keys: 2, storageBytes: 1 + 1 + 4 + '["b","c","d"]'.length });
});

test("what is not sealed is refused, unless plain text is accepted", async () => {
  await open(undefined).setMany({ n: 1, list: [] });
  const memory = open(freshRing());
  for (const call of [() => memory.get("n"), () => memory.increment("n"), () => memory.append("list", 1)]) {
    await expect(call()).rejects.toThrow(CorruptMessageError);
  }
  expect(await open(freshRing({ acceptPlaintext: true })).increment("n")).toBe(2);
});
