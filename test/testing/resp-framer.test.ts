import { describe, expect, test } from "vitest";

import { type FramePart, RespFramer } from "../../src/testing/proxy/resp-framer.js";

interface Frame {
  readonly text: string;
  readonly type: string;
  readonly words: readonly string[];
}

/** Puts the parts of all chunks together again. */
function framesOf(chunks: readonly Buffer[]): readonly Frame[] {
  const framer = new RespFramer();
  const frames: Frame[] = [];
  let text = "";
  for (const chunk of chunks) {
    let end = 0;
    for (const part of framer.feed(chunk)) {
      expect(part.start).toBe(end);
      expect(part.begins).toBe(text === "");
      end = part.end;
      text += chunk.toString("latin1", part.start, part.end);
      if (!part.ends) continue;
      frames.push({ text, type: part.type, words: part.words });
      text = "";
    }
    expect(end).toBe(chunk.length);
  }
  expect(text).toBe("");
  return frames;
}

function split(bytes: Buffer, size: number): readonly Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

const examples: Readonly<Record<string, string>> = {
  "a simple string": "+OK\r\n",
  "an error": "-ERR no such key\r\n",
  "an integer": ":-12\r\n",
  "a bulk string": "$5\r\nhello\r\n",
  "an empty bulk string": "$0\r\n\r\n",
  "a null bulk string": "$-1\r\n",
  "a bulk string that looks like protocol": "$14\r\n$3\r\n\r\n*2\r\n:1\r\n\r\n",
  "an array": "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
  "an empty array": "*0\r\n",
  "a null array": "*-1\r\n",
  "a nested array": "*2\r\n*2\r\n:1\r\n*1\r\n+a\r\n*0\r\n",
  "a null": "_\r\n",
  "a boolean": "#t\r\n",
  "a double": ",1.5e-9\r\n",
  "a big number": "(3492890328409238509324850943850943825024385\r\n",
  "a bulk error": "!21\r\nSYNTAX invalid syntax\r\n",
  "a verbatim string": "=7\r\ntxt:a\r\n\r\n",
  "a map": "%2\r\n+a\r\n:1\r\n$1\r\nb\r\n*2\r\n:2\r\n_\r\n",
  "an empty map": "%0\r\n",
  "a set": "~3\r\n+a\r\n#f\r\n,inf\r\n",
  "a push": ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n",
  "an attribute and its value": "|1\r\n+ttl\r\n:3600\r\n$1\r\nv\r\n",
  "an empty attribute and its value": "|0\r\n*1\r\n:1\r\n",
  "attributes within an array": "*2\r\n|1\r\n+a\r\n%1\r\n+b\r\n+c\r\n:1\r\n|1\r\n+a\r\n:0\r\n:2\r\n",
  "an inline command": "SET key value\r\n",
};

describe("a frame is found the same in one piece and byte by byte", () => {
  test.each(Object.entries(examples))("%s", (_name, text) => {
    const whole = framesOf([Buffer.from(text, "latin1")]);
    expect(whole.map((frame) => frame.text)).toEqual([text]);
    expect(whole[0]?.type).toBe(text[0]);
    expect(framesOf(split(Buffer.from(text, "latin1"), 1))).toEqual(whole);
  });
});

test("frames in one stream are told apart, wherever the chunks end", () => {
  const texts = Object.values(examples);
  const stream = Buffer.from(texts.join(""), "latin1");
  for (let size = 1; size <= stream.length; size += 1) {
    expect(framesOf(split(stream, size)).map((frame) => frame.text)).toEqual(texts);
  }
});

test("the first two words of a request are known, long ones cut short", () => {
  const long = "x".repeat(500);
  const request = `*4\r\n$6\r\nclient\r\n$500\r\n${long}\r\n$1\r\na\r\n$1\r\nb\r\n`;
  for (const size of [1, 7, 10_000]) {
    expect(framesOf(split(Buffer.from(request), size))[0]?.words).toEqual(["client", "x".repeat(64)]);
  }
  expect(framesOf([Buffer.from("  client   list now\r\n")])[0]?.words).toEqual(["client", "list"]);
});

test("a large payload is one part for each chunk", () => {
  const size = 5 * 1024 * 1024;
  const stream = Buffer.concat([Buffer.from(`$${size}\r\n`), Buffer.alloc(size, "\n"), Buffer.from("\r\n")]);
  const framer = new RespFramer();
  const parts = split(stream, 65_536).flatMap((chunk): readonly FramePart[] => framer.feed(chunk));
  expect(parts).toHaveLength(Math.ceil(stream.length / 65_536));
  expect(parts.filter((part) => part.ends)).toHaveLength(1);
});

test("a stream that is not RESP yields no more frames", () => {
  const framer = new RespFramer();
  expect(framer.feed(Buffer.from("+OK\r\n$four\r\n"))).toHaveLength(1);
  expect(framer.feed(Buffer.from("+OK\r\n"))).toEqual([]);
});
