// The document that the service serves is true: of each operation an answer is compared with it.
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { calling, ScriptedModel } from "../support/scripted-model.js";
import { all } from "./support/sent-events.js";
import { startTestService, type TestService } from "./support/service.js";
import { type Answer, Visitor } from "./support/visitor.js";

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly responses: Record<string, Content> }>>>>;
  readonly components: { readonly schemas: Record<string, object> };
}

let service: TestService;
let document: Document;
beforeAll(async () => {
  service = await startTestService({ model: new ScriptedModel(calling(["forget", {}]), "Done.", "One.", "Two.") });
  const response = await fetch(`${service.url}/openapi.json`);
  document = (await response.json()) as Document;
});
afterAll(() => service.stop());

test("is one of OpenAPI 3.1", async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(document) as never);
  expect(errors).toBeUndefined();
  expect(valid).toBe(true);
});

/** A schema of the document as one of zod's. Those that it refers to come along. */
function schemaOf(schema: object): z.ZodType {
  const text = JSON.stringify({ ...schema, $defs: document.components.schemas });
  return z.fromJSONSchema(JSON.parse(text.replaceAll("#/components/schemas/", "#/$defs/")) as never);
}

test("each operation answers as it says, and each that there is stands in it", async () => {
  const asked = new Set<string>();
  const ada = await Visitor.signedIn(service.url);

  /** Asks, and compares the answer with what the document says of it. */
  async function ask(operation: string, place: string, sent: Parameters<Visitor["send"]>[1] = {}): Promise<Answer> {
    const [method = "", path = ""] = operation.split(" ");
    const answer = await ada.send(place, { ...sent, method: method.toUpperCase() });
    const { responses } = document.paths[path]?.[method] ?? expect.unreachable(operation);
    const { content } = responses[answer.status] ?? expect.unreachable(`${operation}: ${answer.status}`);
    const type = answer.headers.get("Content-Type")?.split(";", 1)[0] ?? "";
    if (content === undefined) expect(answer.json, operation).toBe("");
    else {
      const { schema } = content[type] ?? expect.unreachable(`${operation}: ${type}`);
      const checked = schemaOf(schema).safeParse(answer.json);
      expect(checked.error?.issues, operation).toBeUndefined();
    }
    asked.add(operation);
    return answer;
  }

  await ask("get /health", "/health");
  await ask("get /users", "/users");
  await ask("post /sign-in", "/sign-in", { body: { user: "ada" } });
  const started = await ask("post /sessions", "/sessions", { body: { agentId: "assistant" } });
  ada.token = started.json.token;
  ada.session = started.json.session;
  const conversation = `/conversations/${ada.session.conversationId}`;
  await ask("post /sign-in/renew", "/sign-in/renew", { body: {} });
  await ask("get /session", "/session");
  await ask("get /sessions", "/sessions");

  const chat = "/agents/assistant/chat";
  await ask("post /agents/{agentId}/chat", chat, { body: { message: "Hi" }, headers: { "Idempotency-Key": "one" } });
  await ask("get /conversations/{id}/answer", `${conversation}/answer`);
  const decision = { body: { operationId: "one", approve: true } };
  await ask("post /conversations/{id}/answer/decision", `${conversation}/answer/decision`, decision);
  await ask("get /conversations/{id}/answer", `${conversation}/answer`);
  await ask("post /conversations/{id}/answer/stop", `${conversation}/answer/stop`, { body: {} });
  await ask("delete /conversations/{id}/answer", `${conversation}/answer`);
  await ada.say("Again");
  await ask("get /conversations", "/conversations?search=hi");
  const messages = await ask("get /conversations/{id}/messages", `${conversation}/messages`);
  await ask("get /conversations/{id}/answer/events", `${conversation}/answer/events`);
  const { events } = await ada.follow();
  const eventShape = schemaOf(document.components.schemas["AnswerEvent"] ?? {});
  const heard = (await all(events)).filter(({ event }) => event !== "comment");
  expect(heard.length).toBeGreaterThan(1);
  for (const { data } of heard) expect(eventShape.safeParse(data).error).toBeUndefined();
  const last = messages.json.messages.at(-2).position as string;
  await ask("delete /conversations/{id}/messages", `${conversation}/messages?from=${last}`);
  await ask("patch /conversations/{id}", conversation, { body: { title: "Tea" } });
  await ask("post /sessions/conversation", "/sessions/conversation", { body: {} });
  await ask("delete /conversations/{id}", conversation);

  await ask("put /memory/{key}", "/memory/diet", { body: { value: "vegetarian" } });
  await ask("get /memory/{key}", "/memory/diet");
  await ask("get /memory", "/memory");
  await ask("delete /memory/{key}", "/memory/diet");

  const other = await Visitor.inSession(service.url);
  await ask("delete /sessions/{id}", `/sessions/${other.session.id}`);
  await ask("post /sessions/end-all", "/sessions/end-all", { body: { others: true } });
  ada.token = (await ask("post /sessions/rotate", "/sessions/rotate")).json.token;
  await ask("get /me/export", "/me/export");
  const stream = await ada.fetch("/session/events");
  expect(document.paths["/session/events"]?.["get"]?.responses["200"]?.content).toHaveProperty("text/event-stream");
  asked.add("get /session/events");
  await stream.body?.cancel();
  const problem = schemaOf(document.components.schemas["Problem"] ?? {});
  for (const refused of [await ada.send(chat, { body: {} }), await ada.send("/memory/none"), await ada.send("/none")]) {
    expect(problem.safeParse(refused.json).error).toBeUndefined();
  }
  await ask("delete /me", "/me");
  const anew = await Visitor.signedIn(service.url, "bob");
  ada.token = "";
  Object.assign(ada, { jwt: anew.jwt });
  ada.token = (await ada.send("/sessions", { body: { agentId: "assistant" } })).json.token;
  await ask("post /sign-out", "/sign-out");

  const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect([...asked].toSorted()).toEqual(documented.toSorted());
});
