// The chat service without sessions: the same framework, sign-in, limits of size, headers, log and agent, and no Redis.
// What is said is forgotten. A program of its own, to be compared with: DATA_DIR has the key of the sign-in.
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { createAgent } from "langchain";
import { z } from "zod";
import type { Env } from "../../../examples/chat-server/env.js";
import { openSignIns } from "../../../examples/chat-server/identity.js";
import { bodyOf, text } from "../../../examples/chat-server/input.js";
import { jsonLog, requestLog } from "../../../examples/chat-server/log.js";
import { securityHeaders } from "../../../examples/chat-server/page.js";
import { timeIn } from "../../../examples/chat-server/tools.js";
import { OfflineChatModel } from "../../../examples/offline-model.js";

const { authenticate } = await openSignIns({
  folder: process.env["DATA_DIR"] ?? "",
  lifetimeSeconds: 3_600,
  renewableSeconds: 3_600,
});
const model = new OfflineChatModel({ thinksMilliseconds: Number(process.env["MODEL_DELAY"] ?? 0) });
const agent = createAgent({ model, tools: [timeIn], systemPrompt: "You are friendly." });
const chat = z.strictObject({ message: text(20_000) });

const app = new Hono<Env>();
app.use(requestLog(jsonLog()), securityHeaders(), bodyLimit({ maxSize: 65_536 }));
app.post("/agents/:agentId/chat", async (c) => {
  const identity = await authenticate(c.req.raw);
  if (identity === null) return c.body(null, 401);
  const { message } = await bodyOf(c, chat);
  const { messages } = await agent.invoke({ messages: message }, { signal: c.req.raw.signal });
  return c.json({ response: messages.at(-1)?.text, messageCount: messages.length });
});
const server = serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, () => {
  process.stdout.write(`Open http://127.0.0.1:${(server.address() as AddressInfo).port}\nStop\n`);
});
process.once("SIGTERM", () => {
  server.close();
  if ("closeAllConnections" in server) server.closeAllConnections();
});
