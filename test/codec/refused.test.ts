import {
  AIMessage,
  type BaseMessage,
  ChatMessage,
  HumanMessage,
  RemoveMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { decodeMessage } from "../../src/codec/decode.js";
import { encodeMessage } from "../../src/codec/encode.js";
import { CorruptMessageError, InvalidOptionError } from "../../src/errors.js";

const SECRET = "my-card-number-is-4111";

describe("a value that is no message", () => {
  it.each<[string, unknown]>([
    ["a string", SECRET],
    ["undefined", undefined],
    ["null", null],
    ["a plain object", { role: "user", content: SECRET }],
    ["a stored message", { type: "human", data: { content: SECRET } }],
  ])("%s is refused, with what to do about it", (_name, value) => {
    const error = refusal(value);

    expect(error).toMatchObject({ option: "messages[3]", code: "INVALID_OPTION" });
    expect(error.message).toContain("coerceMessageLikeToMessage()");
  });

  it("of an unknown type is refused, with the types there are", () => {
    const oracle = Object.assign(new HumanMessage(SECRET), { type: "constructor" });

    expect(refusal(oracle).message).toContain("human, ai, system, tool, function, generic, remove");
  });

  it("comes from another copy of core: is stored", () => {
    const foreign = { _getType: () => "human", type: "human", content: "hello", lc_kwargs: { content: "hello" } };

    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what another copy's class looks like from here
    expect(encodeMessage(foreign as unknown as BaseMessage, 0)).toBe('{"type":"human","data":{"content":"hello"}');
  });
});

describe("a message that could not be read back", () => {
  const cyclic: Record<string, unknown> = { note: SECRET };
  cyclic["list"] = [new Map([["self", cyclic]])];
  const deep: unknown = Array.from({ length: 600 }).reduce((inner: unknown) => [inner], SECRET);
  const throwing = {
    get value(): never {
      throw new Error(SECRET);
    },
  };

  it.each<[string, unknown, string]>([
    ["refers to itself", kwargs(cyclic), "additional_kwargs.*.*[0][0][1] contains itself"],
    ["is nested too deeply", kwargs(deep), "is nested deeper than 500 levels"],
    ["has a getter that throws", kwargs(throwing), "additional_kwargs.*.* cannot be written as JSON"],
    ["has a toJSON() that throws", kwargs({ toJSON: () => throwing.value }), "additional_kwargs.* cannot be written"],
    ["has no content", Object.assign(new HumanMessage(SECRET), { content: undefined }), "its content is neither"],
    [
      "has an object for content",
      Object.assign(new AIMessage(SECRET), { content: { text: SECRET } }),
      "its content is",
    ],
    [
      "answers no call",
      Object.assign(new ToolMessage(SECRET, "a"), { tool_call_id: 5 }),
      "tool_call_id is not a string",
    ],
    ["has no role", Object.assign(new ChatMessage(SECRET, "a"), { role: undefined }), "its role is not a string"],
    ["removes nothing", Object.assign(new RemoveMessage({ id: "a" }), { id: undefined }), "its id is not a string"],
  ])("because it %s is refused", (_name, message, expected) => {
    expect(refusal(message).message).toContain(expected);
  });

  it("is one that is nested deeper than 500 levels, and no less", () => {
    const nested: unknown = Array.from({ length: 490 }).reduce((inner: unknown) => [inner], new Date(0));
    const text = `${encodeMessage(kwargs(nested), 0)},"at":1}`;

    expect(inspect(decodeMessage(text, 0).message.additional_kwargs, { depth: 600 })).toContain("1970-01-01");
  });

  it("is named by a path of bearable length", () => {
    const named = Array.from({ length: 600 }).reduce((inner: unknown) => ({ [SECRET.slice(0, 7)]: inner }), 1);

    expect(refusal(kwargs(named)).message.length).toBeLessThan(400);
  });
});

describe("a damaged entry", () => {
  const good = { type: "human", data: { content: SECRET, when: "1970-01-01T00:00:00.000Z", n: 5 }, at: 1 };
  const withData = (type: string, data: unknown): object => ({ ...good, type, data });
  const withRich = (...rich: unknown[]): object => ({ ...good, rich });

  it("is readable as long as it is not damaged", () => {
    expect(decodeMessage(JSON.stringify(good), 0)).toMatchObject({ at: 1, message: { content: SECRET } });
    expect(decodeMessage(JSON.stringify(withRich(["Date", "when"])), 0).message.lc_kwargs).toMatchObject({
      when: new Date(0),
    });
  });

  it.each<[string, unknown, string]>([
    ["text that is no JSON", `{"data":"${SECRET}`, "it is not JSON"],
    ["a word", SECRET, "it is not JSON"],
    ["nothing", "", "it is not JSON"],
    ["a number", 5, "it is not an object"],
    ["null", null, "it is not an object"],
    ["an array", [SECRET], "unknown type of message"],
    ["a later version", { ...good, v: 2 }, "unknown format version"],
    ["the version as a text", { ...good, v: "1" }, "unknown format version"],
    ["no type", { ...good, type: undefined }, "unknown type of message"],
    ["an unknown type", { ...good, type: SECRET }, "unknown type of message"],
    ["an inherited type", { ...good, type: "constructor" }, "unknown type of message"],
    ["no time", { ...good, at: undefined }, "it does not say when it was appended"],
    ["a time that no Date has", JSON.stringify(good).replace('"at":1', '"at":1e999'), "it does not say when"],
    ["no data", { ...good, data: undefined }, "its data is not an object"],
    ["null data", { ...good, data: null }, "its data is not an object"],
    ["data in an array", { ...good, data: [SECRET] }, "its data is not an object"],
    ["no content", withData("human", { text: SECRET }), "its content is neither a string nor an array"],
    ["null content", withData("ai", { content: null }), "its content is neither a string nor an array"],
    ["an object for content", withData("ai", { content: { SECRET } }), "its content is neither a string nor an array"],
    ["a result of no call", withData("tool", { content: SECRET, tool_call_id: 5 }), "its tool_call_id is not a string"],
    ["no role", withData("generic", { content: SECRET, role: 1 }), "its role is not a string"],
    ["nothing to remove", withData("remove", { content: [] }), "its id is not a string"],
    ["marks that are no array", { ...good, rich: { Date: "when" } }, "its rich values"],
    ["a mark that is no array", withRich("Date"), "its rich values"],
    ["a mark without a path", withRich(["Date"]), "its rich values"],
    ["a mark of a missing field", withRich(["Date", "then"]), "its rich values"],
    ["a mark of an inherited field", withRich(["undefined", "constructor"]), "its rich values"],
    ["a mark through an inherited field", withRich(["Date", "__proto__", "when"]), "its rich values"],
    ["a mark of an inherited prototype", withRich(["undefined", "__proto__", "__proto__"]), "its rich values"],
    ["a mark through a text", withRich(["Date", "when", 0]), "its rich values"],
    ["a mark with a strange step", withRich(["Date", ["when"]]), "its rich values"],
    ["a mark twice", withRich(["Date", "when"], ["Date", "when"]), "its rich values"],
    ["an unknown kind", withRich(["Promise", "when"]), "its rich values"],
    ["an inherited kind", withRich(["constructor", "when"]), "its rich values"],
    ["a kind that is no text", withRich([null, "when"]), "its rich values"],
    ["no such date", withRich(["Date", "content"]), "its rich values"],
    ["a number for a date", withRich(["Date", "n"]), "its rich values"],
    ["no such number", withRich(["Number", "content"]), "its rich values"],
    ["no such bigint", withRich(["BigInt", "content"]), "its rich values"],
    ["a plain number for a bigint", withRich(["BigInt", "n"]), "its rich values"],
    ["no entries of a map", withRich(["Map", "content"]), "its rich values"],
    ["no items of a set", withRich(["Set", "content"]), "its rich values"],
    ["something for undefined", withRich(["undefined", "n"]), "its rich values"],
    ["no base64", withRich(["Uint8Array", "content"]), "its rich values"],
    ["half an element", { ...withData("human", { content: "", a: "AAA=" }), rich: [["Int32Array", "a"]] }, "its rich"],
    ["half an entry", { ...withData("human", { content: "", a: [[1]] }), rich: [["Map", "a"]] }, "its rich"],
    ["a content that is a date", withRich(["Set", "content"]), "its rich values"],
    ["own fields that are no array", { ...good, own: "when" }, "its own fields"],
    ["own fields that are missing", { ...good, own: ["then"] }, "its own fields"],
    ["own fields that are inherited", { ...good, own: ["toString"] }, "its own fields"],
    ["own fields without a name", { ...good, own: [1] }, "its own fields"],
  ])("with %s is a CorruptMessageError that names the index", (_name, entry, reason) => {
    const text = typeof entry === "string" ? entry : JSON.stringify(entry);
    const error = caught(() => decodeMessage(text, 7));

    expect(error).toBeInstanceOf(CorruptMessageError);
    expect(error).toMatchObject({ index: 7, code: "CORRUPT_MESSAGE" });
    expect(error.message).toContain(reason);
    expectNoContent(error);
  });

  it("whose marks made the content something else is refused too", () => {
    const entry = { ...good, data: { content: "1" }, rich: [["BigInt", "content"]] };

    expect(caught(() => decodeMessage(JSON.stringify(entry), 0)).message).toContain("its content is neither");
  });
});

function kwargs(value: unknown): HumanMessage {
  return new HumanMessage({ content: SECRET, additional_kwargs: { value } });
}

function refusal(message: unknown): Error {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- callers without types pass anything
  const error = caught(() => encodeMessage(message as BaseMessage, 3));
  expect(error).toBeInstanceOf(InvalidOptionError);
  expectNoContent(error);
  return error;
}

function caught(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("Nothing was thrown.");
}

function expectNoContent(error: unknown): void {
  if (!(error instanceof Error)) return;
  const everything = `${error.message} ${error.stack} ${inspect(error, { depth: 10, showHidden: true })}`;
  expect(everything).not.toContain(SECRET);
  expectNoContent(error.cause);
}
