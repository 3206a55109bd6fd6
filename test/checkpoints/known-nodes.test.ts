// What a saver remembers of Redis takes a bounded amount of memory.
import { describe, expect, test } from "vitest";
import { KnownNodes } from "../../src/checkpoints/known-nodes.js";

const LIMIT = 100_000;
const isKnown = (known: KnownNodes, from: number, to: number, name: string): number =>
  Array.from({ length: to - from }, (_, index) => known.has(`thread ${from + index}`, name)).filter(Boolean).length;

describe("what is known of threads", () => {
  test("is forgotten, that of the thread first which was used least recently", () => {
    const known = new KnownNodes();
    known.add("thread 0", ["a"]);
    known.add("thread 1", ["a"]);
    known.add("thread 0", []);
    for (let index = 2; index < LIMIT / 2 + 1; index++) known.add(`thread ${index}`, ["a"]);
    expect([known.has("thread 0", "a"), known.has("thread 1", "a")]).toEqual([true, false]);
    expect(isKnown(known, 0, LIMIT / 2 + 1, "a")).toBe(LIMIT / 2);
  });

  test("is counted for threads without a node, too: as many as there may be, they take the places of others", () => {
    const known = new KnownNodes();
    known.add("thread", ["a"]);
    for (let index = 0; index < LIMIT; index++) known.add(`empty ${index}`, []);
    expect(known.has("thread", "a")).toBe(false);
  });

  test("is not counted twice, and not any more when it is forgotten", () => {
    const known = new KnownNodes();
    for (let index = 0; index < LIMIT; index++) known.add("thread", ["a"]);
    for (let index = 0; index < LIMIT; index++) {
      known.add("another", [`${index}`]);
      known.forget("another");
      known.forget("another");
    }
    expect(known.has("thread", "a")).toBe(true);
  });

  test("is bounded for a single thread", () => {
    const known = new KnownNodes();
    known.add(
      "thread",
      Array.from({ length: LIMIT + 1 }, (_, index) => `${index}`),
    );
    expect(known.has("thread", "0")).toBe(false);
  });
});
