import {
  AIMessage,
  type BaseMessage,
  FunctionMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { convertMessagesToResponsesInput, convertResponsesMessageToAIMessage } from "@langchain/openai";
import fc from "fast-check";
import { expect, test } from "vitest";
import { acceptablePart, withinTokens } from "../../src/messages/window.js";
import { InvalidOptionError } from "../../src/errors.js";

/**
 * "h" human, "s" system, "a" answer, "c12" calls 1 and 2, "r1" result of call 1, "u12" a user's message that holds the
 * results of calls 1 and 2, "m5" and "M5" a request to approve 5 (output versions v0 and v1), "y5" the user's approval.
 */
function conversation(script: string): BaseMessage[] {
  return script.split(" ").map((word) => {
    const id = word;
    const about = Array.from(word.slice(1));
    if (word.startsWith("u")) {
      const content = about.map((call) => ({ type: "tool_result", tool_use_id: call, content: "r" }));
      return new HumanMessage({ content: [...content, { type: "text", text: word }], id });
    }
    if (word.startsWith("y")) {
      const content = about.map((request) => ({
        type: "mcp_approval_response",
        approval_request_id: request,
        approve: true,
      }));
      return new HumanMessage({ content, id });
    }
    if (word.toLowerCase().startsWith("m")) {
      const asked = askedByOpenAI(about);
      return word.startsWith("M") ? asV1(asked, id) : Object.assign(asked, { id });
    }
    if (word.startsWith("h")) return new HumanMessage({ content: word, id });
    if (word.startsWith("s")) return new SystemMessage({ content: word, id });
    if (word.startsWith("r")) return new ToolMessage({ content: word, id, tool_call_id: word.slice(1) });
    const tool_calls = word.startsWith("c")
      ? Array.from(word.slice(1), (call) => ({ id: call, name: "t", args: {} }))
      : [];
    return new AIMessage({ content: word, id, tool_calls });
  });
}

/** What @langchain/openai makes of an answer that asks for approvals. */
function askedByOpenAI(ids: readonly string[]): AIMessage {
  const output = ids.map((id) => ({
    type: "mcp_approval_request",
    id,
    name: "roll",
    arguments: "{}",
    server_label: "dice",
  }));
  const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 };
  return convertResponsesMessageToAIMessage({
    id: "resp",
    model: "gpt-5",
    status: "completed",
    output,
    usage,
  } as never);
}

/** As a model with output version v1 returns it, and nothing more: a history may hold it without the raw output. */
function asV1(message: AIMessage, id: string): AIMessage {
  const response_metadata = { model_provider: "openai", output_version: "v1" };
  return new AIMessage({ id, content: message.contentBlocks as never, response_metadata });
}

/** What OpenAI is sent, and refuses if an approval comes without its request in front of it. */
function unasked(messages: BaseMessage[]): unknown[] {
  const items = convertMessagesToResponsesInput({ messages, zdrEnabled: false, model: "gpt-5" });
  const asked = new Set<unknown>();
  return items.filter((item) => {
    if (item.type === "mcp_approval_request") asked.add(item.id);
    return item.type === "mcp_approval_response" && !asked.has(item.approval_request_id);
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
  ["y5 a h2 a2", "h2 a2", "an approval whose request was cut off is no start"],
  ["a y5 a", "", "not even if there is no other"],
  ["h m5 y5 a", "h m5 y5 a", "an approval stays with its request"],
  ["h M5 y5 a", "h M5 y5 a", "also where the request is a block of content"],
  ["h m5 h2 a2 y5 a h3", "h m5 h2 a2 y5 a h3", "whatever was said in between"],
  ["m5 h2 a2 y5 a h3", "h3", "nothing in between is a start"],
  ["m5 s y5 a h3 a3", "h3 a3", "nor is a system message"],
  ["h m56 y5 h2 y6 a", "h m56 y5 h2 y6 a", "several are approved one by one"],
  ["y5 m5 y5 h", "h", "a request that comes too late is none"],
  ["u1 a h2 a2", "h2 a2", "a user's message with the result of a call that was cut off is no start"],
  ["h c12 u12 a", "h c12 u12 a", "calls stay with the results in the user's next message"],
  ["h c12 r1 u2 a", "h c12 r1 u2 a", "also when some came as messages of their own"],
  ["h c12 u1 a", "h a", "a call with a missing result goes, with the user's message that has another"],
  ["h c1 h2 u1 a", "h h2 a", "a result that comes too late goes with its call"],
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
  const word = fc.constantFrom("h", "s", "a", "c1", "c12", "r1", "r2", "r3", "u1", "u12", "m5", "M6", "y5", "y56");
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 30 }), (words) => {
      const part = acceptablePart(conversation(words.join(" ")));
      expect(["human", "system", undefined]).toContain(part[0]?.type);
      let open = new Set<string | undefined>();
      for (const message of part) {
        if (message instanceof ToolMessage) {
          expect(open.delete(message.tool_call_id)).toBe(true);
        } else {
          if (message.id?.startsWith("u")) {
            for (const call of message.id.slice(1)) expect(open.delete(call)).toBe(true);
          }
          expect(open.size).toBe(0);
          open = new Set(message instanceof AIMessage ? message.tool_calls?.map((call) => call.id) : []);
        }
      }
      expect(open.size).toBe(0);
      expect(unasked(part)).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

test.each<[provider: string, asked: AIMessage, answer: object]>([
  ["OpenAI, streamed", new AIMessage({ content: "", additional_kwargs: { tool_outputs: [{ id: "x" }] } }), { type: "mcp_approval_response", approval_request_id: "x" }], // prettier-ignore
  ["OpenAI, raw", new AIMessage({ content: "", response_metadata: { output: [{ type: "computer_call", call_id: "x" }] } }), { type: "computer_call_output", call_id: "x" }], // prettier-ignore
  ["Anthropic", new AIMessage({ content: [{ type: "tool_use", id: "x", name: "t", input: {} }] }), { type: "tool_result", tool_use_id: "x" }], // prettier-ignore
  ["Bedrock", new AIMessage({ content: [{ type: "tool", toolUse: { toolUseId: "x" } }] }), { type: "tool", toolResult: { toolUseId: "x" } }], // prettier-ignore
  ["LangChain's own blocks", new AIMessage({ content: [{ type: "non_standard", value: { id: "x" } }] }), { type: "non_standard", value: { approval_request_id: "x" } }], // prettier-ignore
])("an answer in a user's message is known with its request: %s", (_provider, asked, answer) => {
  const messages = [new HumanMessage("h"), asked, new HumanMessage({ content: [answer as never] }), new AIMessage("a")];
  expect(acceptablePart(messages)).toEqual(messages);
  expect(acceptablePart(messages.slice(1))).toEqual([]);
});

test("a window of tokens starts on no approval either", async () => {
  const messages = conversation("h1 a1 h2 m5 h3 a3 y5 a h4 a4");
  const of = async (tokens: number): Promise<string> =>
    spell(await withinTokens(messages, { tokens, tokenCounter: (part) => part.length }));
  expect(await Promise.all([2, 4, 7, 8].map(of))).toEqual(["h4 a4", "h4 a4", "h4 a4", "h2 m5 h3 a3 y5 a h4 a4"]);
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
