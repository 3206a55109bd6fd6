import { z } from "zod";
import { followQuery, stopBody } from "./routes/answers.js";
import { chatBody, decisionBody } from "./routes/chat.js";
import { conversationQuery, cutQuery, messageQuery, renameBody } from "./routes/conversations.js";
import { memoryBody } from "./routes/memory.js";
import { endAllBody, openBody, startBody } from "./routes/sessions.js";
import { signInBody } from "./routes/sign-in.js";
import {
  answerShape,
  conversationShape,
  eventShape,
  messageShape,
  problemShape,
  sessionShape,
  turnShape,
  userShape,
} from "./shapes.js";

// The OpenAPI document of the service, made from the schemas that its handlers check with.

interface Operation {
  readonly does: string;
  /** What it says of who asks, beyond a session of theirs. */
  readonly needs?: "nobody" | "a user" | "a recent sign-in";
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** By status: the JSON, or nothing. */
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** What it answers in place of JSON. */
  readonly as?: "text/event-stream" | "application/x-ndjson";
  /** Answers as a stream of events, too, when it is asked to accept one. */
  readonly streams?: true;
  /** Takes an Idempotency-Key. */
  readonly once?: true;
  readonly ifMatch?: true;
}

const token = z.string().optional().meta({ description: "a secret, told once; a page has it as a cookie" });
const session = z.object({ session: sessionShape });
const followed = z.string().meta({ description: "server-sent events; the data of each is an AnswerEvent" });

const operations: Readonly<Record<string, Operation>> = {
  "get /health": {
    does: "Whether Redis answers",
    needs: "nobody",
    answers: { 200: z.object({ redis: z.literal("ok"), milliseconds: z.number() }) },
  },
  "get /users": { does: "The demo users", needs: "nobody", answers: { 200: z.object({ users: z.array(userShape) }) } },
  "post /sign-in": {
    does: "Sign in as a demo user",
    needs: "nobody",
    body: signInBody,
    answers: { 200: z.object({ jwt: z.string().optional(), user: userShape }) },
  },
  "post /sign-in/renew": {
    does: "A new JWT for a live session; the time of the sign-in stays",
    answers: { 200: z.object({ jwt: z.string().optional(), user: userShape }) },
  },
  "post /sign-out": { does: "End the own session", answers: { 200: z.object({ ended: z.boolean() }) } },
  "post /sessions": {
    does: "Start a session",
    needs: "a user",
    once: true,
    body: startBody,
    answers: { 201: z.object({ token, session: sessionShape, user: userShape, ended: z.array(z.string()) }) },
  },
  "get /session": {
    does: "The session that asks",
    answers: { 200: z.object({ session: sessionShape, user: userShape }) },
  },
  "get /session/events": {
    does: "Server-sent events: changed, with a conversationId, and ended, with a reason",
    as: "text/event-stream",
    answers: { 200: z.string() },
  },
  "get /sessions": {
    does: "The live sessions of the user",
    answers: { 200: z.object({ sessions: z.array(sessionShape) }) },
  },
  "delete /sessions/{id}": {
    does: "End a session; another one than the own takes a recent sign-in",
    once: true,
    answers: { 204: null },
  },
  "post /sessions/end-all": {
    does: "End all sessions, or all others",
    needs: "a recent sign-in",
    once: true,
    body: endAllBody,
    answers: { 200: z.object({ ended: z.int() }) },
  },
  "post /sessions/rotate": {
    does: "A new token for the session",
    once: true,
    answers: { 200: z.object({ token, session: sessionShape }) },
  },
  "post /sessions/conversation": {
    does: "Point the session at another conversation, or at a new one",
    once: true,
    body: openBody,
    answers: { 200: session },
  },
  "post /agents/{agentId}/chat": {
    does: "Ask the agent. Whoever leaves does not stop the answer.",
    once: true,
    body: chatBody,
    streams: true,
    answers: { 200: turnShape },
  },
  "get /conversations/{id}/answer": {
    does: "The answer that runs, waits for a decision, or can be asked again",
    answers: { 200: z.object({ answer: answerShape.nullable() }) },
  },
  "delete /conversations/{id}/answer": {
    does: "Take back a question that was not answered; what it was to replace stays",
    answers: { 204: null },
  },
  "get /conversations/{id}/answer/events": {
    does: "Follow the answer from after an event on (after, or the header Last-Event-ID); 204 when there is none",
    query: followQuery,
    as: "text/event-stream",
    answers: { 200: followed, 204: null },
  },
  "post /conversations/{id}/answer/stop": {
    does: "Stop the answer, wherever it runs; what was said is kept",
    body: stopBody,
    answers: { 200: z.object({ stopped: z.boolean() }) },
  },
  "post /conversations/{id}/answer/decision": {
    does: "Allow or refuse what the answer waits for; it goes on",
    body: decisionBody,
    streams: true,
    answers: { 200: turnShape },
  },
  "get /conversations": {
    does: "A page of the user's conversations, the latest first",
    query: conversationQuery,
    answers: { 200: z.object({ conversations: z.array(conversationShape), next: z.string().nullable() }) },
  },
  "get /conversations/{id}/messages": {
    does: "A page of a conversation, the latest one; before: next of that page, for the one before it",
    query: messageQuery,
    answers: {
      200: z.object({
        messages: z.array(messageShape),
        next: z.int().nullable(),
        answer: answerShape.nullable().optional(),
        title: z
          .string()
          .optional()
          .meta({ description: "of the conversation; with the latest page only, as answer is" }),
      }),
    },
  },
  "delete /conversations/{id}/messages": {
    does: "Remove a message and all behind it",
    once: true,
    query: cutQuery,
    answers: { 204: null },
  },
  "patch /conversations/{id}": { does: "Rename a conversation", once: true, body: renameBody, answers: { 204: null } },
  "delete /conversations/{id}": { does: "Delete a conversation", once: true, answers: { 204: null } },
  "get /memory": {
    does: "The keys of what is remembered",
    answers: { 200: z.object({ keys: z.array(z.string()) }) },
  },
  "get /memory/{key}": {
    does: "What is remembered under a key",
    answers: { 200: z.object({ value: z.unknown(), version: z.int() }) },
  },
  "put /memory/{key}": {
    does: "Remember a value",
    once: true,
    ifMatch: true,
    body: memoryBody,
    answers: { 200: z.object({ version: z.int() }) },
  },
  "delete /memory/{key}": { does: "Forget it", once: true, answers: { 204: null } },
  "get /me/export": {
    does: "All that is stored of the user, a JSON record a line",
    needs: "a recent sign-in",
    as: "application/x-ndjson",
    answers: { 200: z.string() },
  },
  "delete /me": {
    does: "Erase the user",
    needs: "a recent sign-in",
    answers: { 200: z.record(z.string(), z.int()) },
  },
};

/** Made once: it does not change while the service runs. */
export function openApiDocument(): Record<string, unknown> {
  const components: Record<string, unknown> = {};
  const schemaOf = schemasInto(components);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [name, operation] of Object.entries(operations)) {
    const [method = "", path = ""] = name.split(" ");
    (paths[path] ??= {})[method] = documented(path, operation, schemaOf);
  }
  schemaOf(problemShape, "output");
  schemaOf(eventShape, "output");
  const document = {
    openapi: "3.1.1",
    info: {
      title: "A chat service",
      version: "1",
      description: "An agent that remembers, on langchain-redis-sessions.",
    },
    servers: [{ url: "/" }],
    security: [{ user: [], session: [] }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        user: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        session: { type: "apiKey", in: "header", name: "X-Session-Id" },
      },
    },
  };
  return JSON.parse(JSON.stringify(document).replaceAll("#/$defs/", "#/components/schemas/")) as typeof document;
}

type SchemaOf = (schema: z.ZodType, io: "input" | "output") => unknown;

/** Those that have a name are put aside under it, and referred to. */
function schemasInto(components: Record<string, unknown>): SchemaOf {
  return (schema, io) => {
    const {
      $schema: _,
      $defs = {},
      ...made
    } = z.toJSONSchema(schema, {
      io,
      unrepresentable: "any",
    });
    for (const [name, shape] of Object.entries($defs)) {
      const { $id: __, id: ___, ...rest } = shape as Record<string, unknown>;
      components[name] = rest;
    }
    return made;
  };
}

function documented(path: string, operation: Operation, schemaOf: SchemaOf): Record<string, unknown> {
  const { does, needs, query, body, answers, as = "application/json", streams, once, ifMatch } = operation;
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter("path", name ?? "", { type: "string" }, true)),
    ...Object.entries(query?.shape ?? {}).map(([name, schema]) =>
      parameter(
        "query",
        name,
        schemaOf(schema as z.ZodType, "input"),
        !(schema as z.ZodType).safeParse(undefined).success,
      ),
    ),
    ...(once ? [parameter("header", "Idempotency-Key", { type: "string", maxLength: 200 })] : []),
    ...(ifMatch ? [parameter("header", "If-Match", { type: "string", pattern: '^"\\d{1,16}"$' })] : []),
  ];
  const responses = Object.entries(answers).map(([status, schema]) => [
    status,
    schema === null
      ? { description: "Done" }
      : {
          description: "Done",
          content: {
            [as]: { schema: schemaOf(schema, "output") },
            ...(streams ? { "text/event-stream": { schema: schemaOf(followed, "output") } } : {}),
          },
        },
  ]);
  const problem = { schema: { $ref: "#/components/schemas/Problem" } };
  return {
    summary: does,
    ...(needs === "nobody" ? { security: [] } : needs === "a user" ? { security: [{ user: [] }] } : {}),
    ...(needs === "a recent sign-in" ? { description: "Takes a recent sign-in." } : {}),
    parameters,
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { "application/json": { schema: schemaOf(body, "input") } } } }),
    responses: {
      ...Object.fromEntries(responses),
      default: { description: "Refused or failed", content: { "application/problem+json": problem } },
    },
  };
}

function parameter(where: string, name: string, schema: unknown, required = false): Record<string, unknown> {
  return { in: where, name, schema, ...(required ? { required } : {}) };
}
