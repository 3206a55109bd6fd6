import { z } from "zod";
import { position } from "./input.js";

// What the service answers, as it is documented in its OpenAPI document.

const time = z.iso.datetime();
const json = z.unknown();

export const userShape = z.object({ id: z.string(), name: z.string() }).meta({ id: "User" });

export const sessionShape = z
  .object({
    id: z.string().meta({ description: "public: it opens nothing" }),
    conversationId: z.string(),
    userId: z.string(),
    orgId: z.string().optional(),
    agentId: z.string(),
    startedAt: time,
    lastActivityAt: time,
    expiresAt: time.meta({ description: "when it ends, if nothing happens" }),
    lifetimeEndsAt: time.optional().meta({ description: "when it ends, whatever happens" }),
    messageCount: z.int(),
    toolCallCount: z.int(),
    ipAddress: z.string().optional(),
    userAgent: z.string().optional(),
    isActive: z.boolean(),
    metadata: z.record(z.string(), json),
    current: z.boolean().optional().meta({ description: "in a list: whether it is the one that asks" }),
  })
  .meta({ id: "Session" });

const approvalShape = z
  .array(z.object({ name: z.string(), args: json, description: z.string().optional() }))
  .meta({ description: "the calls of tools that a person has to decide on" });

export const answerShape = z
  .object({
    operationId: z.string().meta({ description: "sent as Idempotency-Key, it asks again" }),
    state: z.enum(["running", "waiting", "interrupted"]),
    message: z.string().meta({ description: "the question" }),
    startedAt: time,
    position: position.optional().meta({ description: "of the question" }),
    replaces: position
      .optional()
      .meta({ description: "the message that the turn takes the place of, with all behind it" }),
    approval: approvalShape.optional(),
  })
  .meta({ id: "Answer" });

export const messageShape = z
  .object({
    index: z.int(),
    position: position.meta({ description: "names the message in replaces and from; never used again" }),
    at: time,
    type: z.string().meta({ description: "human, ai, tool, …" }),
    text: z.string(),
    name: z.string().optional(),
    toolCallId: z.string().optional(),
    failed: z.literal(true).optional(),
    toolCalls: z.array(z.object({ id: z.string(), name: z.string(), args: json })).optional(),
    interrupted: z.literal(true).optional(),
  })
  .meta({ id: "Message" });

export const conversationShape = z
  .object({
    id: z.string(),
    agentId: z.string(),
    title: z.string().optional(),
    createdAt: time,
    lastActivityAt: time,
    forkedFrom: z.string().optional(),
    messageCount: z.int(),
    running: z.boolean().meta({ description: "whether it is being answered" }),
  })
  .meta({ id: "Conversation" });

export const turnShape = z
  .object({
    response: z.string(),
    messageCount: z.int(),
    waiting: z
      .literal(true)
      .optional()
      .meta({ description: "it waits for a decision: GET /conversations/{id}/answer" }),
  })
  .meta({ id: "Turn" });

export const problemShape = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ description: "stable: branch on it" }),
    retryAfter: z.number().optional().meta({ description: "seconds" }),
    reason: z.string().optional(),
    maxAge: z.number().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    response: z.string().optional().meta({ description: "an answer that could not be stored" }),
  })
  .meta({ id: "Problem" });

/** The data of an event of an answer. */
export const eventShape = z
  .union([
    z.object({ type: z.literal("text"), text: z.string() }),
    z.object({ type: z.literal("call"), id: z.string(), name: z.string(), args: json }),
    z.object({
      type: z.literal("result"),
      id: z.string(),
      name: z.string(),
      text: z.string(),
      failed: z.literal(true).optional(),
    }),
    z.object({ type: z.literal("approval"), calls: approvalShape }),
    z.object({ type: z.literal("problem"), problem: problemShape }),
    z
      .object({
        end: z.enum(["stored", "interrupted", "stopped", "superseded", "waiting", "failed", "gone"]),
        position: position.optional(),
      })
      .meta({ description: "of the last event, whose name is end" }),
  ])
  .meta({ id: "AnswerEvent" });
