// Readers get what a service passes on of an agent's stream. This finds out, for each mode of a stream, what of the
// conversation and of its session is in the chunks as JSON. The table of docs/answers.md says the same.
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph";
import { createAgent, tool } from "langchain";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import type { Answer } from "langchain-redis-sessions";
import { sessionMiddleware } from "langchain-redis-sessions/agents";
import { SessionSaver } from "langchain-redis-sessions/langgraph";
import { textOf } from "../support/documentation.js";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { client } from "../support/session-store.js";
import { freshId } from "../support/turns.js";
import { Answering } from "./support/answering.js";

let user: Answering;
beforeEach(async () => {
  user = await Answering.on(client);
  await user.store.history(user.session).addMessages([new HumanMessage("long ago"), new AIMessage("Hello")]);
});
afterEach(() => user.close());

const MODES = ["messages", "updates", "custom", "tools", "values", "tasks", "checkpoints", "debug"];
const look = tool(() => "seen", { name: "look", schema: z.object({}) });

/** What is in chunks as JSON, beside what the agent says and does now. */
function foundIn(json: string, { begun, operationId }: Answer): readonly string[] {
  const { session, id } = user;
  const things = {
    "the past": "long ago",
    "the user's id": session.userId,
    "the session's token": user.token,
    "the session's id": session.id,
    "the conversation's id": id,
    // What the middleware keeps in the state, by which the turn is stored.
    "the record": '"_session":{"',
    "the lease": begun.token,
    "the attempt": begun.attempt,
    "the operation id": operationId,
  };
  return Object.entries(things).flatMap(([name, text]) => (json.includes(text) ? [name] : []));
}

/** Runs two turns, and returns what leaves in each mode of the second one. */
async function leaving(checkpointer?: BaseCheckpointSaver): Promise<Record<string, string>> {
  const { session, id, store } = user;
  const found: Record<string, string> = {};
  for (const way of ["stream", "streamEvents"] as const) {
    const agent = createAgent({
      model: new ScriptedModel(calling(["look", {}]), "Done."),
      tools: [look],
      middleware: [sessionMiddleware({ sessions: store })],
      ...(checkpointer && { checkpointer }),
    });
    const answer = await user.begin(freshId(), { input: "now" });
    const configurable = checkpointer ? { session, thread_id: id } : {};
    const how = way === "stream" ? { streamMode: MODES } : { version: "v2" };
    const call = { context: { session, answer }, configurable, ...how };
    const texts = new Map((way === "stream" ? MODES : [way]).map((mode) => [mode, ""]));
    for await (const chunk of await agent[way]({ messages: [] } as never, call as never)) {
      const [mode, payload] = way === "stream" ? (chunk as unknown as [string, unknown]) : [way, chunk];
      texts.set(mode, `${texts.get(mode)}${JSON.stringify(payload)}\n`);
    }
    await answer.close();
    for (const [mode, json] of texts) found[mode] = foundIn(json, answer).join(", ") || "nothing";
    // The control: the modes of what happens now do have it.
    expect(texts.get("messages") ?? texts.get("streamEvents")).toContain("Done.");
  }
  return found;
}

test("each mode shows what docs/answers.md says, and no mode what the middleware keeps in the state", async () => {
  const without = await leaving();
  const kept = await leaving(new SessionSaver({ sessions: user.store }));
  const page = textOf("docs/answers.md");
  const rows = Object.keys(kept).map((mode) => `| \`${mode}\` | ${without[mode]} | ${kept[mode]} |`);
  for (const row of rows) expect(page).toContain(row);
  expect(await leaving(new MemorySaver())).toEqual(kept);
});
