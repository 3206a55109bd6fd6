import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { keySlot } from "../../src/redis/key-slot.js";

let node: Redis;
beforeAll(() => {
  node = new Redis(inject("servers").cluster[0] ?? expect.unreachable());
});
afterAll(() => node.disconnect());

test.each([
  "",
  "a",
  "chat:history:{ada}:messages",
  "{a}{b}",
  "{}a",
  "a{",
  "a}b{c}d",
  "a{}{b}",
  "{{a}}",
  "{Grüße, 世界}:x",
  "x".repeat(1_000),
])("the slot of %o is the one that Redis names", async (key) => {
  expect(keySlot(key)).toBe(await node.cluster("KEYSLOT", key));
  expect(keySlot(Buffer.from(key))).toBe(keySlot(key));
});
