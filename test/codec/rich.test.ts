import { HumanMessage } from "@langchain/core/messages";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reload, storedText } from "./round-trip.js";

function reloadValue(value: unknown): unknown {
  return reload(new HumanMessage({ content: "", additional_kwargs: { value } })).additional_kwargs["value"];
}

const { buffer: sixteenBytes } = new Uint8Array(Array.from({ length: 16 }, (_item, index) => index + 1));

describe("values that JSON lacks", () => {
  const values: [string, unknown][] = [
    ["a date", new Date(1_732_217_582_123)],
    ["a date far off", new Date(8.64e15)],
    ["an invalid date", new Date(Number.NaN)],
    ["NaN", Number.NaN],
    ["Infinity", Infinity],
    ["-Infinity", -Infinity],
    ["-0", -0],
    ["a large bigint", -(2n ** 80n)],
    ["an empty Uint8Array", new Uint8Array()],
    ["a Buffer", Buffer.from("bytes")],
    ["an ArrayBuffer", sixteenBytes],
    ["a DataView", new DataView(sixteenBytes, 2, 3)],
    ["a view of a part", new Uint16Array(sixteenBytes, 2, 3)],
    ...[
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      BigInt64Array,
      BigUint64Array,
      Float32Array,
      Float64Array,
    ].map((View): [string, unknown] => [`a ${View.name}`, new View(sixteenBytes)]),
    [
      "a Map",
      new Map<unknown, unknown>([
        ["a", 1],
        [{ key: 1n }, new Date(0)],
        [undefined, undefined],
        [Number.NaN, new Set([-0n])],
      ]),
    ],
    ["a Set", new Set<unknown>([1, "1", undefined, new Map([[new Set([1n]), new Uint8Array([1])]])])],
    ["undefined in an array", [undefined, 1, [undefined]]],
    ["all of them in each other", { list: [new Map([["a", { set: new Set([[new Date(0), { n: -0 }]]) }]])] }],
  ];

  it.each(values)("%s comes back as what it was", (_name, value) => {
    const reloaded = reloadValue(value);

    expect(reloaded).toStrictEqual(value);
    expect(Object.prototype.toString.call(reloaded)).toBe(Object.prototype.toString.call(value));
    expect(Buffer.isBuffer(reloaded)).toBe(Buffer.isBuffer(value));
  });

  it("come back from any place in a message", () => {
    const message = Object.assign(new HumanMessage({ content: [{ type: "text", text: "", at: new Date(1) }] }), {
      id: 1n,
      seen: new Set(["ada"]),
    });
    const reloaded = reload(message);

    expect(reloaded).toMatchObject({ id: 1n, seen: new Set(["ada"]), content: [{ at: new Date(1) }] });
  });

  it.each([new Map([["a", 1]]), new Date(0), Buffer.from("a")])("come back in place of a whole field", (value) => {
    const message = Object.assign(new HumanMessage("hello"), { additional_kwargs: value });

    expect(reload(message).additional_kwargs).toStrictEqual(value);
  });

  it("share no memory with anything else", () => {
    const bytes = reloadValue(new Uint8Array([1, 2, 3]));

    expect(bytes).toHaveProperty("buffer.byteLength", 3);
  });

  it("are readable in Redis, with their marks beside the data", () => {
    const message = new HumanMessage({
      content: "hello",
      additional_kwargs: { set: new Set([new Date(0), 5n]), bytes: Buffer.from("hi") },
    });

    const data = '{"content":"hello","additional_kwargs":{"set":["1970-01-01T00:00:00.000Z","5"],"bytes":"aGk="}}';
    const rich =
      '[["Date","additional_kwargs","set",0],["BigInt","additional_kwargs","set",1],' +
      '["Set","additional_kwargs","set"],["Buffer","additional_kwargs","bytes"]]';
    expect(storedText(message)).toBe(`{"type":"human","data":${data},"rich":${rich},"at":1732217582123}`);
  });
});

describe("values that only look like ours", () => {
  it("come back as the data they are", () => {
    const value = {
      rich: [["Date", "content"]],
      own: ["content"],
      v: 2,
      date: "1970-01-01T00:00:00.000Z",
      number: "NaN",
      $date: 1,
      map: [["a", 1]],
    };

    expect(reloadValue(value)).toStrictEqual(value);
    expect(reloadValue({ ...value, real: new Date(0) })).toStrictEqual({ ...value, real: new Date(0) });
  });

  it("come back as own keys when they are called __proto__, and pollute nothing", () => {
    const parsed: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
    const withDates: unknown = JSON.parse('{"__proto__":{"polluted":1}}', (key, value: unknown) =>
      key === "polluted" ? new Date(0) : value,
    );
    Object.defineProperty(withDates, "__proto__", { value: new Date(0), enumerable: true });

    for (const value of [parsed, { value: [parsed, 1n] }, withDates]) {
      expect(shapeOf(reloadValue(value))).toStrictEqual(shapeOf(value));
    }
    expect({}).not.toHaveProperty("polluted");
  });
});

describe("values that are neither JSON nor built in", () => {
  class Money {
    readonly amount = 5n;
    readonly #secret = 1;
    get secret(): number {
      return this.#secret;
    }
  }
  const nested = new HumanMessage("inner");

  it.each<[string, unknown, unknown]>([
    ["an instance: its own fields", new Money(), { amount: 5n }],
    ["a URL: its JSON", new URL("https://example.com/"), "https://example.com/"],
    ["a message: its JSON", nested, JSON.parse(JSON.stringify(nested))],
    [
      "toJSON that returns itself",
      new (class {
        a = 1;
        toJSON() {
          return this;
        }
      })(),
      { a: 1 },
    ],
    ["toJSON that returns a value of ours", { toJSON: () => new Date(0) }, new Date(0)],
    ["boxed values", [Object(1), Object("a"), Object(1n)], [1, "a", 1n]],
    ["functions in an array", [() => 1, Symbol("x"), 1n], [null, null, 1n]],
    ["functions in an object", { a: () => 1, b: 1n }, { b: 1n }],
    ["no prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
    ["a sparse array", Object.assign([], { 2: 1 }), [undefined, undefined, 1]],
  ])("%s", (_name, value, expected) => {
    expect(reloadValue(value)).toStrictEqual(expected);
  });

  it("may be shared", () => {
    const shared = { when: new Date(0) };

    expect(reloadValue([shared, shared, new Map([[shared, shared]])])).toStrictEqual([
      shared,
      shared,
      new Map([[shared, shared]]),
    ]);
  });
});

describe("any value", () => {
  const key = fc.oneof(
    fc.constantFrom(
      "__proto__",
      "constructor",
      "prototype",
      "toJSON",
      "rich",
      "own",
      "v",
      "at",
      "$",
      "lc",
      "length",
      "0",
      "",
    ),
    fc.string({ unit: "binary" }),
  );
  const loneSurrogate = fc.constantFrom("\ud800", "a\udfffb", "\ud83d\ude00\ud83d");
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      fc.oneof(
        fc.string({ unit: "binary" }),
        loneSurrogate,
        fc.double(),
        fc.integer(),
        fc.boolean(),
        fc.constantFrom(null, -0, "NaN", "-0", "1970-01-01T00:00:00.000Z"),
        fc.bigInt(),
        fc.date({ noInvalidDate: false }),
        fc.uint8Array({ maxLength: 8 }),
        fc.float64Array({ maxLength: 3 }),
        fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
      ),
      fc.array(fc.oneof({ weight: 9, arbitrary: tie("tree") }, { weight: 1, arbitrary: fc.constant(undefined) }), {
        maxLength: 4,
      }),
      fc.array(fc.tuple(key, tie("tree")), { maxLength: 4 }).map(withOwnKeys),
      fc.array(fc.tuple(tie("tree"), tie("tree")), { maxLength: 3 }).map((entries) => new Map(entries)),
      fc.array(tie("tree"), { maxLength: 3 }).map((items) => new Set(items)),
    ),
  }));

  it("comes back as what it was, and as the same text", () => {
    fc.assert(
      fc.property(tree, (value) => {
        const message = new HumanMessage({ content: "", additional_kwargs: { value }, id: "fixed" });
        const reloaded = reload(message);
        expect(shapeOf(reloaded.additional_kwargs["value"])).toStrictEqual(shapeOf(value));
        expect(storedText(reloaded)).toBe(storedText(message));
      }),
      { numRuns: 4000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

/** As JSON.parse makes them: `__proto__` is a key like any other. */
function withOwnKeys(entries: readonly (readonly [string, unknown])[]): object {
  const object = {};
  for (const [name, value] of entries) {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

/** Objects as lists of their own keys: vitest's own comparison overlooks a key that is called `__proto__`. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return Array.from(value, shapeOf);
  if (value instanceof Map) return { map: Array.from(value, (entry) => entry.map(shapeOf)) };
  if (value instanceof Set) return { set: Array.from(value, shapeOf) };
  if (typeof value !== "object" || value === null || value instanceof Date || ArrayBuffer.isView(value)) return value;
  return {
    prototype: Object.getPrototypeOf(value) === Object.prototype,
    keys: Object.keys(value).map((name) => [name, shapeOf(Reflect.get(value, name))]),
  };
}
