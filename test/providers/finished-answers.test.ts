// A turn that came to its end never stops the conversation either: whatever was answered, and however a call is, or is
// not, answered, the provider takes it back in the next turns.
import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { expect, test } from "vitest";
import { approvalRequest } from "./openai-responses/answers.js";
import { openAiResponses } from "./openai-responses/api.js";
import { Endpoint, type Line } from "./support/endpoint.js";
import { isTurn, made, takesBack, timeout, ways } from "./support/runs.js";
import { forEachApi } from "./support/suite.js";
import { type Input, type Limits, storedTalk, type Talk } from "./support/talks.js";

const sentences = ["And now?", "Then?", "At last?"].map((sentence) => [new HumanMessage(sentence)]);

/** A turn of three messages has to fit. */
const limits: readonly Limits[] = [
  {},
  ...[2, 3, 4].map((messages) => ({ window: { messages } })),
  ...[3, 4, 5].map((maxMessages) => ({ maxMessages })),
];

/** Says one thing after the other. @returns what went wrong. */
async function sayAll(
  { line, talk }: { line: Line; talk: Talk },
  inputs: readonly Input[],
  how: "invoke" | "stream",
): Promise<string[]> {
  const errors: string[] = [];
  for (const input of inputs) {
    await talk.say(input, { how }).catch((error: Error) => errors.push(error.message));
  }
  return line.refusals.length > 0 ? [...line.refusals] : errors;
}

forEachApi((api, endpoint) => {
  for (const [turn, { version, how, kind }] of ways.entries()) {
    test(
      `${version}, ${how}, ${kind}: an answer that is empty, refused, or cut at the token limit, and three turns after it`,
      async () => {
        const wrong: Record<string, readonly string[]> = {};
        for (const name of Object.keys(api.stopping).filter((_, index) => isTurn(index, 2, turn))) {
          if (!(await takesBack(endpoint(), api, { version, how, name }))) continue;
          const line = endpoint().open();
          const talk = await storedTalk(kind, api.model(line.url, version));
          line.answer(made(api, name));
          // What a package takes for an error is not stored.
          await talk.say([new HumanMessage("Hello")], { how }).catch(() => undefined);
          const reasons = await sayAll({ line, talk }, sentences, how);
          if (reasons.length > 0) wrong[name] = [...reasons, JSON.stringify(await talk.kept())];
        }
        expect(wrong).toEqual({});
      },
      timeout,
    );

    test(`${version}, ${how}: calls that a person answers with another sentence`, async () => {
      const wrong: Record<string, readonly string[]> = {};
      for (const name of ["text, then a call", "two calls"]) {
        if (!(await takesBack(endpoint(), api, { version, how, name }))) continue;
        const line = endpoint().open();
        const talk = await storedTalk("chain", api.model(line.url, version));
        line.answer(made(api, name));
        await talk.say([new HumanMessage("Hello")], { how });
        const reasons = await sayAll({ line, talk }, sentences, how);
        if (reasons.length > 0) wrong[name] = reasons;
      }
      expect(wrong).toEqual({});
    });

    test(
      `${version}, ${how}: calls that are answered in the next turn are sent with their results, whatever was cut off before`,
      async () => {
        if (!(await takesBack(endpoint(), api, { version, how, name: "two calls" }))) return;
        const wrong: Record<string, readonly string[]> = {};
        for (const limit of limits.filter((_, index) => isTurn(index, ways.length, turn))) {
          const line = endpoint().open();
          const talk = await storedTalk("chain", api.model(line.url, version), limit);
          await talk.say([new HumanMessage("Hello")], { how });
          line.answer(made(api, "two calls"));
          const asked = await talk.say([new HumanMessage("The weather?")], { how });
          const reasons = await sayAll({ line, talk }, [resultsOf(asked), ...sentences], how);
          const sent = line.requests[2]?.text ?? "";
          const missing = ["Rain in Oslo", "Rain in Bergen"].filter((result) => !sent.includes(result));
          const standIns = line.requests.filter(({ text }) => text.includes("interrupted")).map(() => "a stand-in");
          const all = [...reasons, ...missing, ...standIns];
          if (all.length > 0) wrong[JSON.stringify(limit)] = all;
        }
        expect(wrong).toEqual({});
      },
      timeout,
    );
  }
});

function resultsOf(message: BaseMessage | undefined): Input {
  const calls = AIMessage.isInstance(message) ? (message.tool_calls ?? []) : [];
  return calls.map(
    ({ id = "", name, args }) =>
      new ToolMessage({ content: `Rain in ${String(args["city"])}`, tool_call_id: id, name }),
  );
}

test.each([{}, { window: { messages: 2 } }, { maxMessages: 2 }, { maxMessages: 3 }])(
  "an MCP approval is sent with its request, or not at all: %o",
  async (limit) => {
    await using endpoint = await Endpoint.start(openAiResponses);
    const line = endpoint.open();
    const talk = await storedTalk("chain", openAiResponses.model(line.url, "v0"), limit);
    await talk.say([new HumanMessage("Hello")], { how: "invoke" });
    const { answer, id } = approvalRequest();
    line.answer(answer);
    const approval = new HumanMessage({
      content: [{ type: "mcp_approval_response", approval_request_id: id, approve: true }],
    });
    const inputs = [[new HumanMessage("The weather?")], [approval], ...sentences];
    expect(await sayAll({ line, talk }, inputs, "invoke")).toEqual([]);
  },
);
