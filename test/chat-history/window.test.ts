import {
  AIMessage,
  type BaseMessage,
  FunctionMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import fc from "fast-check";
import { expect, test } from "vitest";
import { acceptablePart, withinTokens } from "../../src/chat-history/window.js";
import { InvalidOptionError } from "../../src/errors.js";

/** "h" human, "s" system, "a" answer, "c12" calls 1 and 2, "r1" result of call 1. */
function conversation(script: string): BaseMessage[] {
  return script.split(" ").map((word) => {
    const id = word;
    if (word.startsWith("h")) return new HumanMessage({ content: word, id });
    if (word.startsWith("s")) return new SystemMessage({ content: word, id });
    if (word.startsWith("r")) return new ToolMessage({ content: word, id, tool_call_id: word.slice(1) });
    const tool_calls = word.startsWith("c")
      ? Array.from(word.slice(1), (call) => ({ id: call, name: "t", args: {} }))
      : [];
    return new AIMessage({ content: word, id, tool_calls });
  });
}

const spell = (messages: BaseMessage[]): string => messages.map((message) => message.id).join(" ");

test.each([
  ["h1 a1 h2 a2", "h1 a1 h2 a2", "a whole conversation stays"],
  ["a1 h2 a2", "h2 a2", "it starts on a human message"],
  ["a1 s h2", "s h2", "or on a system message"],
  ["r1 a1 h2 a2", "h2 a2", "a result whose call was cut off goes"],
  ["h c1 r1 a", "h c1 r1 a", "a call with its result stays"],
  ["h c12 r2 r1 a", "h c12 r1 r2 a", "results follow in the order of their calls"],
  ["h c12 r1 h2", "h h2", "a call with a missing result goes, with the results it has"],
  ["h c1", "h", "a call that was never answered goes"],
  ["h c1 h2 r1 a", "h h2 a", "a result that comes too late goes with its call"],
  ["h c12 r1 r1 r2 a", "h c12 r1 r2 a", "a second result of the same call goes"],
  ["h c1 r1 r9 a", "h c1 r1 a", "a result of an unknown call goes"],
  ["a1 a2", "", "without a human or system message nothing is left"],
])("%s becomes %s: %s", (before, after) => {
  expect(spell(acceptablePart(conversation(before)))).toBe(after);
});

test("calls that were not understood, raw calls and the older function calls keep their results too", () => {
  const answered = (ask: AIMessage, result: BaseMessage): number =>
    acceptablePart([new HumanMessage("h"), ask, result, new AIMessage("a")]).length;
  const raw = (id: string) => ({ id, type: "function" as const, function: { name: "t", arguments: "{" } });
  const result = new ToolMessage({ content: "r", tool_call_id: "1" });
  const invalid = new AIMessage({ content: "", invalid_tool_calls: [{ id: "1", name: "t", args: "{", error: "e" }] });
  expect(answered(invalid, result)).toBe(4);
  const unparsed = new AIMessage("");
  unparsed.additional_kwargs = { tool_calls: [raw("1")] };
  expect(answered(unparsed, result)).toBe(4);
  expect(answered(unparsed, new ToolMessage({ content: "r", tool_call_id: "2" }))).toBe(2);
  const older = new AIMessage("");
  older.additional_kwargs = { function_call: { name: "f", arguments: "" } };
  expect(answered(older, new FunctionMessage({ content: "r", name: "f" }))).toBe(4);
  expect(answered(older, new FunctionMessage({ content: "r", name: "g" }))).toBe(2);
});

test("two calls of one id each take a result of their own", () => {
  const twice = conversation("h c11 r1 r1 a");
  const part = acceptablePart(twice);
  expect(part).toHaveLength(5);
  expect(part[2]).toBe(twice[2]);
  expect(part[3]).toBe(twice[3]);
});

test("no window that is cut anywhere holds a call without its result or a result without its call", () => {
  const word = fc.constantFrom("h", "s", "a", "c1", "c12", "r1", "r2", "r3");
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
      const part = acceptablePart(conversation(words.join(" ")));
      expect(["human", "system", undefined]).toContain(part[0]?.type);
      let open = new Set<string | undefined>();
      for (const message of part) {
        if (message instanceof ToolMessage) {
          expect(open.delete(message.tool_call_id)).toBe(true);
        } else {
          expect(open.size).toBe(0);
          open = new Set(message instanceof AIMessage ? message.tool_calls?.map((call) => call.id) : []);
        }
      }
      expect(open.size).toBe(0);
    }),
    { numRuns: 2_000 },
  );
});

test("a window of tokens is the longest part that fits, found with few counts of short lists", async () => {
  const messages = conversation(Array.from({ length: 500 }, (_, index) => `h${index} a${index}`).join(" "));
  for (const tokens of [1, 2, 3, 7, 40, 999, 1_000, 5_000]) {
    const counted: number[] = [];
    const tokenCounter = async (part: BaseMessage[]): Promise<number> => {
      counted.push(part.length);
      return part.length;
    };
    const part = await withinTokens(messages, { tokens, tokenCounter });
    expect(part).toEqual(messages.slice(-(Math.min(tokens, 1_000) - (tokens % 2))).slice(tokens === 1 ? 1_000 : 0));
    expect(counted.length).toBeLessThan(25);
    expect(Math.max(...counted)).toBeLessThanOrEqual(Math.max(2, 4 * tokens));
  }
});

test("a token counter that counts nothing is refused", async () => {
  const tokenCounter = (): number => undefined as never;
  await expect(withinTokens(conversation("h a"), { tokens: 5, tokenCounter })).rejects.toThrow(InvalidOptionError);
});
