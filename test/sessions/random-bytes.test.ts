// The bytes of ids and tokens: those of one tick are drawn together, and nothing is kept for later.
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { drawBytes } from "../../src/sessions/random-bytes.js";

const drawnOf = (count: number, size: number): Buffer[] => Array.from({ length: count }, () => drawBytes(size));

test("bytes are given out once, also if many are asked for at once", async () => {
  const drawn = drawnOf(1_000, 56).map((bytes) => bytes.toString("hex"));
  await nextTurn();
  drawn.push(...drawnOf(1_000, 56).map((bytes) => bytes.toString("hex")));
  expect(new Set(drawn).size).toBe(2_000);
  // Nor do two of them share a part.
  expect(new Set(drawn.flatMap((text) => text.match(/.{16}/g))).size).toBe(14_000);
});

test("as many are given as were asked for, also more than are drawn at once", () => {
  expect([1, 56, 1_024, 5_000].map((size) => drawBytes(size).length)).toEqual([1, 56, 1_024, 5_000]);
});

test("bytes of one tick come from one draw; after it, what is left of them is overwritten, and others are drawn", async () => {
  const [first, second] = [drawBytes(56), drawBytes(56)];
  expect(second.buffer).toBe(first.buffer);
  const rest = new Uint8Array(first.buffer, second.byteOffset + 56);
  expect(rest.some((byte) => byte !== 0)).toBe(true);
  await nextTurn();
  expect(rest.every((byte) => byte === 0)).toBe(true);
  expect(drawBytes(56).buffer).not.toBe(first.buffer);
});
