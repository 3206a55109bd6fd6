import { createHash } from "node:crypto";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { deflate, inflate, InflateError } from "../../src/codec/deflate.js";
import { CURRENT_DICTIONARY, dictionaryOf } from "../../src/codec/dictionary.js";

const message = (content: string): string =>
  JSON.stringify({
    type: "ai",
    data: { content, response_metadata: { model_provider: "openai" }, usage_metadata: { input_tokens: 9 } },
  }).slice(0, -1);
const MAX = 1_000_000;

test("a published dictionary never changes: what was compressed with it could not be read", () => {
  const hash = createHash("sha256")
    .update(dictionaryOf(1) ?? "")
    .digest("hex");
  expect(hash).toBe("529501e4fdaa77c462622f6ab15f7183b2a98e3ee4427772f2aa531f8682a917");
});

test("any text comes back as it was, or stays as it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 2_000 }), (content) => {
      const text = message(content.toWellFormed());
      const deflated = deflate(text);
      expect(deflated).toBeDefined();
      const { body, dictionary } = deflated as NonNullable<typeof deflated>;
      expect(body.length).toBeLessThan(Buffer.byteLength(text));
      expect(inflate(body, dictionary, MAX)).toBe(text);
    }),
  );
});

test("a text that does not shrink stays as it is", () => {
  expect(deflate("")).toBeUndefined();
  expect(deflate("\u0001\u0002\u0003")).toBeUndefined();
});

describe("a body is refused", () => {
  const { body } = deflate(message("How do I get to the mountains in spring? ".repeat(20))) as { body: Buffer };

  test("that is cut anywhere, or has something behind its end", () => {
    for (let length = 0; length < body.length; length++) {
      expect(() => inflate(body.subarray(0, length), CURRENT_DICTIONARY, MAX), `${length}`).toThrow(InflateError);
    }
    expect(() => inflate(Buffer.concat([body, Buffer.of(0)]), CURRENT_DICTIONARY, MAX)).toThrow(InflateError);
  });

  test("of which a bit is flipped, unless it gives another text", () => {
    for (let bit = 0; bit < body.length * 8; bit++) {
      const flipped = Buffer.from(body);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      let text: string | undefined;
      try {
        text = inflate(flipped, CURRENT_DICTIONARY, MAX);
      } catch (error) {
        expect(error).toBeInstanceOf(InflateError);
      }
      if (text !== undefined) expect(text.isWellFormed()).toBe(true);
    }
  });

  test("that would have more bytes than allowed, even if it is small", () => {
    const bomb = deflateRawSync(Buffer.alloc(50_000_000, "a"), { dictionary: dictionaryOf(1) });
    expect(bomb.length).toBeLessThan(100_000);
    expect(() => inflate(bomb, CURRENT_DICTIONARY, MAX)).toThrow(/maxMessageBytes/);
    expect(inflate(bomb, CURRENT_DICTIONARY, Number.POSITIVE_INFINITY)).toHaveLength(50_000_000);
  });

  test("of a dictionary that this version does not have", () => {
    expect(() => inflate(body, 200, MAX)).toThrow(/later version/);
  });
});
