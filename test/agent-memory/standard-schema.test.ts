import { inspect } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";
import { type StandardSchema, ValueMismatchError } from "langchain-redis-sessions";
import { fitted } from "../../src/agent-memory/standard-schema.js";

test("a schema of any vendor will do, one that answers later too", async () => {
  const schema: StandardSchema<number> = {
    "~standard": { version: 1, vendor: "ours", validate: async (value) => ({ value: Number(value) + 1 }) },
  };
  expect(await fitted("key", "1", schema)).toBe(2);
});

test("what does not fit is named by its paths, and nothing of it is told at any depth", async () => {
  const schema: StandardSchema = {
    "~standard": {
      version: 1,
      vendor: "ours",
      validate: (value) => ({
        issues: [
          { message: `bad: ${String(value)}`, path: [{ key: "items" }, 2, { key: "a b" }, "price"] },
          { message: "bad", path: [{ key: "items" }, 2, { key: "a b" }, "price"] },
          { message: "bad" },
        ],
      }),
    },
  };
  const error: unknown = await fitted("the key", "secret", schema).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ValueMismatchError);
  expect(error).toMatchObject({ key: "the key", paths: ['items[2]["a b"].price'] });
  expect((error as Error).message).toBe('The value of "the key" does not match the schema at items[2]["a b"].price.');
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("secret");
  const zod = await fitted("k", { a: "secret" }, z.object({ a: z.enum(["x"]) })).catch((reason: unknown) => reason);
  expect(inspect(zod, { depth: 20, showHidden: true })).not.toContain("secret");
});
