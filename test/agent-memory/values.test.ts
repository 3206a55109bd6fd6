import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeValue } from "../../src/agent-memory/values.js";

const cycle: Record<string, unknown> = { a: [{}] };
(cycle["a"] as unknown[])[1] = { back: cycle };
const deep = Array.from({ length: 501 }).reduce<unknown>((inner) => [inner], 1);

test.each([
  [undefined, "value", "undefined"],
  [{ a: undefined }, "value.a", "undefined"],
  [[1, [undefined]], "value[1][0]", "undefined"],
  [{ "a b": { f: () => 1 } }, 'value["a b"].f', "function"],
  [{ n: 1n }, "value.n", "bigint"],
  [[Symbol("s")], "value[0]", "symbol"],
  [{ s: { [Symbol("s")]: 1 } }, "value.s", "symbol"],
  [cycle, "value.a[1].back", "contains itself"],
  [[Number.NaN], "value[0]", "finite"],
  [{ x: Infinity }, "value.x", "finite"],
  [{ at: new Date(0) }, "value.at", "class"],
  [new Map(), "value", "class"],
  [{ e: new Error("secret") }, "value.e", "class"],
  [Object.assign(Object.create({ inherited: 1 }) as object, { a: 1 }), "value", "class"],
  // oxlint-disable-next-line no-sparse-arrays
  [{ list: [1, , 2] }, "value.list", "holes"],
  [Object.assign([1], { more: 1 }), "value", "named properties"],
])("what JSON cannot hold is refused with the path to it: %#", (value, path, why) => {
  expect(() => encodeValue("value", value)).toThrow(
    expect.objectContaining({ code: "INVALID_OPTION", option: path, message: expect.stringContaining(why) as string }),
  );
});

test("what is nested too deep is refused, and what is not comes back", () => {
  expect(() => encodeValue("value", deep)).toThrow(/deeper/);
  const [inner] = deep as [unknown];
  expect(JSON.parse(encodeValue("value", inner).json)).toEqual(inner);
});

test("the same object in two places is no cycle; objects of another realm and without prototype are objects", () => {
  const shared = { a: 1 };
  const foreign: unknown = runInNewContext("({ b: [2] })");
  const bare = Object.assign(Object.create(null) as object, { c: 3 });
  expect(encodeValue("value", [shared, shared, foreign, bare]).json).toBe('[{"a":1},{"a":1},{"b":[2]},{"c":3}]');
});

test("every JSON value comes back as it was, also -0 and lone surrogates", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.jsonValue(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string({ unit: "binary" })),
      (value) => {
        expect(JSON.parse(encodeValue("value", value).json)).toStrictEqual(value);
      },
    ),
    { numRuns: 2_000 },
  );
  expect(JSON.parse(encodeValue("value", ["\ud800", -0]).json)).toEqual(["\ud800", -0]);
});

test("an array says how many items it has", () => {
  expect(encodeValue("value", [1, [2, 3]]).items).toBe(2);
  expect(encodeValue("value", { length: 3 }).items).toBe(0);
});
