import { createInterface } from "node:readline";
import { HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { createMiddleware } from "langchain";
import { SessionStore } from "../../../src/index.js";
import { ScriptedModel } from "../../support/scripted-model.js";
import { agentOn, callOf, type HeldEdit } from "./editing-agent.js";

// A program of its own in which an agent edits a message. A line in: a HeldEdit as JSON. When the model has answered, and
// the run has come to where it waits, it says "waits", and goes no further.
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { value } = await lines.next();
const { address, keyPrefix, session, text, persist, waits, ...turn } = JSON.parse(String(value)) as HeldEdit;
const sessions = new SessionStore({ client: new Redis(address), keyPrefix });
const waiting = createMiddleware({
  name: "Waiting",
  afterAgent: async () => {
    process.stdout.write(`${JSON.stringify("waits")}\n`);
    await new Promise(() => {});
  },
});
const agent = agentOn(sessions, new ScriptedModel("never"), persist, { [waits]: waiting });
await agent.invoke({ messages: [new HumanMessage(text)] }, callOf(session, turn));
