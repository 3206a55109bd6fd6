// Values of checkpoints become nodes and come back as LangGraph's own serializer returns them.
import { AIMessage, type BaseMessage, HumanMessage, RemoveMessage, ToolMessage } from "@langchain/core/messages";
import { Send } from "@langchain/langgraph";
import { MemorySaver } from "@langchain/langgraph-checkpoint";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byHash } from "../../src/checkpoints/names.js";
import { DamagedNode, StoredNodes } from "../../src/checkpoints/nodes.js";
import { type Encoded, Values } from "../../src/checkpoints/values.js";
import { amount } from "../support/amount.js";

const { serde } = new MemorySaver();
const values = new Values(serde, true);
const encode = async (by: Values, some: readonly unknown[], apart?: readonly unknown[]): Promise<Encoded> =>
  (await by.dump(some, apart))(byHash);

const flat = ({ nodes }: Encoded): string[] => [...nodes.all].flat();
const encodeOne = async (value: unknown): Promise<Encoded & { reference: string }> => {
  const encoded = await encode(values, [value]);
  return { ...encoded, reference: encoded.references[0] ?? expect.unreachable() };
};
async function roundTrip(value: unknown): Promise<unknown> {
  const encoded = await encodeOne(value);
  return values.decode(new StoredNodes(flat(encoded)), encoded.reference);
}
async function expected(value: unknown): Promise<unknown> {
  return serde.loadsTyped(...(await serde.dumpsTyped(value)));
}
const size = (texts: Iterable<string>): number => [...texts].reduce((sum, text) => sum + text.length, 0);

const conversation = (length: number): BaseMessage[] =>
  Array.from(
    { length },
    (_, index) => new HumanMessage({ content: `message ${index} `.repeat(20), id: String(index) }),
  );

describe("a value comes back as LangGraph's serializer returns it", () => {
  const message: fc.Arbitrary<BaseMessage> = fc.oneof(
    fc.string({ unit: "binary" }).map((text) => new HumanMessage(text)),
    fc
      .record({ text: fc.string(), id: fc.string() })
      .map(({ text, id }) => new AIMessage({ content: text, id, tool_calls: [{ name: "a", args: { text }, id }] })),
    fc.string().map((text) => new ToolMessage({ content: text, tool_call_id: "a" })),
  );
  const leaf = fc.oneof(
    { weight: 3, arbitrary: message },
    fc.string({ unit: "binary" }),
    fc.constantFrom('"', "\n", "\\n", "*", "+1:", "=", "#", "__proto__", "a".repeat(22)),
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.uint8Array({ maxLength: 3 }),
    fc.array(fc.string()).map((items) => new Set(items)),
    message.map((one) => new Map([["a", one]])),
  );
  const value = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      leaf,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie("value"), { maxKeys: 3 }),
      fc.dictionary(fc.string(), tie("value"), { maxKeys: 3, noNullPrototype: false }),
      tie("value").map((args) => new Send("node", args)),
    ),
  })).value;

  test("whatever it is made of", async () => {
    await fc.assert(
      fc.asyncProperty(value, async (one) => {
        expect(await roundTrip(one)).toEqual(await expected(one));
      }),
      { numRuns: amount(200, 20_000) },
    );
  });

  test("also several values of one call, each on its own", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(value, { maxLength: 5 }), async (several) => {
        const encoded = await encode(values, several, [{ apart: several.length }]);
        const nodes = new StoredNodes(flat(encoded));
        for (const [index, reference] of encoded.references.entries()) {
          expect(await values.decode(nodes, reference)).toEqual(await expected(several[index]));
        }
        expect(await values.decode(nodes, encoded.apart[0] ?? "")).toEqual({ apart: several.length });
      }),
      { numRuns: amount(50, 2_000) },
    );
  });

  test("bytes stay bytes: a Uint8Array, not a Buffer", async () => {
    const bytes = new Uint8Array([0, 1, 255, 10]);
    const back = await roundTrip(bytes);
    expect(back).toEqual(bytes);
    expect(back?.constructor).toBe(Uint8Array);
  });

  test("a value that holds itself, and one whose text imitates nodes", async () => {
    const cyclic: Record<string, unknown> = { said: [new HumanMessage("Hi")] };
    cyclic["self"] = cyclic;
    expect(await roundTrip(cyclic)).toEqual(await expected(cyclic));
    const encoded = await encodeOne({ said: conversation(3) });
    const imitation = { contents: flat(encoded), reference: encoded.reference };
    expect(await roundTrip(imitation)).toEqual(imitation);
  });

  test("a message that was changed after it was stored is stored again", async () => {
    const said = conversation(2);
    const before = await encodeOne(said);
    (said[1] as HumanMessage).content = "changed";
    const after = await encodeOne(said);
    expect(after.reference).not.toBe(before.reference);
    const back = (await values.decode(new StoredNodes(flat(after)), after.reference)) as BaseMessage[];
    expect(back[1]?.text).toBe("changed");
  });

  test("what a caller changes before the call is done is stored as it was handed over: bytes, messages, fields", async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const said = new HumanMessage("before");
    const fields = { said: [said], step: 1 };
    const call = encode(values, [bytes, fields]);
    bytes[0] = 9;
    said.content = "after";
    fields.step = 2;
    const encoded = await call;
    const nodes = new StoredNodes(flat(encoded));
    const [first, second] = await Promise.all(encoded.references.map((one) => values.decode(nodes, one)));
    expect(first).toEqual(new Uint8Array([1, 2, 3]));
    expect(second).toEqual({ said: [new HumanMessage("before")], step: 1 });
  });

  test("a user who repeats what stood for a message in a call before is taken at their word", async () => {
    const seen: string[] = [];
    const watched = new Values(
      {
        dumpsTyped: async (one) => {
          const [type, bytes] = await serde.dumpsTyped(one);
          seen.push(new TextDecoder().decode(bytes));
          return [type, bytes];
        },
        loadsTyped: (type, data) => serde.loadsTyped(type, data),
      },
      true,
    );
    await encode(watched, [{ said: conversation(2) }, 1]);
    const marks = [...new Set(seen.join().match(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g))];
    expect(marks).toHaveLength(1);
    const imitation = marks.flatMap((mark) => [mark, `${mark}:0`, `"${mark}:0"`, `,"${mark}",`]);
    const given = { imitation, said: conversation(2) };
    const encoded = await encode(watched, [given, imitation, given]);
    const nodes = new StoredNodes(flat(encoded));
    const found = await Promise.all(encoded.references.map((one) => watched.decode(nodes, one)));
    expect(found).toEqual([given, imitation, given]);
  });

  test("any other serializer is given each value whole, and its type comes back", async () => {
    const seen: unknown[] = [];
    const other = new Values(
      {
        dumpsTyped: (one) => {
          seen.push(one);
          return Promise.resolve(["my type, 100 %", new Uint8Array([...Buffer.from(JSON.stringify(one)), 255])]);
        },
        loadsTyped: (type, data) => Promise.resolve({ type, data }),
      },
      false,
    );
    const said = { said: "Hi".repeat(50) };
    const encoded = await encode(other, [said]);
    expect(seen).toEqual([said]);
    expect(await other.decode(new StoredNodes(flat(encoded)), encoded.references[0] ?? "")).toEqual({
      type: "my type, 100 %",
      data: new Uint8Array([...Buffer.from(JSON.stringify(said)), 255]),
    });
  });
});

describe("what a conversation that is stored again and again adds", () => {
  /** How many characters of nodes the second value adds to those of the first. */
  async function added(first: unknown, second: unknown): Promise<number> {
    const before = await encodeOne(first);
    const after = await encodeOne(second);
    return size([...after.nodes.all].flatMap(([name, content]) => (before.nodes.all.has(name) ? [] : [name, content])));
  }
  const one = JSON.stringify(conversation(1)[0]).length;

  test.each([10, 100, 1_000])("one message more behind %i: that message, and a branch", async (length) => {
    const all = conversation(length + 1);
    expect(await added(all.slice(0, -1), all)).toBeLessThan(one + 3_000);
  });

  test.each([
    ["the first is taken away", (all: BaseMessage[]) => all.slice(1)],
    ["one in the middle is removed", (all: BaseMessage[]) => all.toSpliced(500, 1)],
    ["half of it is trimmed", (all: BaseMessage[]) => all.slice(500)],
    ["a summary takes the place of the beginning", (all: BaseMessage[]) => [new HumanMessage("s"), ...all.slice(990)]],
    ["it is in a tool call beside other things", (all: BaseMessage[]) => new Send("tools", { messages: all, call: 1 })],
    ["it is in another field", (all: BaseMessage[]) => ({ state: { messages: all } })],
  ])("where %s: some branches, and no message twice", async (_, change) => {
    const all = conversation(1_000);
    expect(await added(all, change(all))).toBeLessThan(6_000);
  });

  test("the same message in several values of one call is stored once", async () => {
    const all = conversation(50);
    const { nodes } = await encode(values, [all, all.slice(1), new Send("tools", { messages: all })]);
    expect(size(nodes.all.values())).toBeLessThan(60 * one);
  });

  test("control: with whole values each version is as large as the conversation", async () => {
    const whole = new Values(serde, false);
    const [before, after] = await Promise.all(
      [conversation(100), conversation(101)].map((all) => encode(whole, [all])),
    );
    const fresh = [...(after?.nodes.all ?? [])].filter(([name]) => !before?.nodes.all.has(name));
    expect(size(fresh.flat())).toBeGreaterThan(100 * one);
  });
});

describe("a node that is damaged is found", () => {
  test("missing, changed, or another in its place: never another value", async () => {
    const encoded = await encodeOne({ said: conversation(40) });
    const all = [...encoded.nodes.all];
    expect(all.length).toBeGreaterThan(40);
    for (const [position, [name, content]] of all.entries()) {
      const others = all.toSpliced(position, 1);
      const damaged = [others, [...others, [name, `${content} `]], [...others, [name, others[0]?.[1] ?? ""]]];
      for (const nodes of damaged) {
        const stored = new StoredNodes(nodes.flat());
        await expect(values.decode(stored, encoded.reference)).rejects.toThrow(DamagedNode);
      }
    }
  });

  test.each(["", "?", "#", "#json", "+", "+1:", "+2:abc\n", "*abc", "a name that is none"])(
    "the reference %j is none",
    async (reference) => {
      await expect(values.decode(new StoredNodes([]), reference)).rejects.toThrow(DamagedNode);
    },
  );
});

test("RemoveMessage, which is no message of a conversation, passes too", async () => {
  expect(await roundTrip([new RemoveMessage({ id: "a" })])).toEqual(await expected([new RemoveMessage({ id: "a" })]));
});

test("a message in a Map is the node that it is in a list", async () => {
  const said = conversation(20);
  const { nodes } = await encode(values, [said, new Map([["pending", said.slice(-2)]])]);
  const { nodes: listed } = await encode(values, [said]);
  expect(size([...nodes.all].flat()) - size([...listed.all].flat())).toBeLessThan(400);
});
