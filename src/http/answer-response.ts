import * as z from "../options/schema.js";
import type { Answer } from "../answers/answer.js";
import { eventIdSchema, isLastEvent } from "../answers/event-ids.js";
import { answerMark, markedSchema } from "../options/copies.js";
import { idSchema, validate } from "../options/validation.js";
import type { Answers } from "../sessions/answers.js";
import { eventStream } from "./event-stream.js";
import { problem, toResponse } from "./problem.js";
import { once } from "../options/once.js";

/** Options of {@link answerResponse}. */
export interface AnswerResponseOptions {
  /**
   * The request to answer. Its header `Last-Event-ID`, otherwise the parameter `after` of its URL, is the id of the last event
   * that the client has.
   */
  request: Request;
  /**
   * Follows only the answer of this turn.
   * @default the latest answer
   */
  operationId?: string | undefined;
  /**
   * The answer that this request began. Its events come from memory, from the first one on, without waiting for Redis.
   * `Last-Event-ID` and `after` are ignored.
   */
  answer?: Answer | undefined;
  /** Ends the stream, for example when the process shuts down. The client can reconnect to another process for the rest. */
  signal?: AbortSignal | undefined;
}

const schema = once(() =>
  z.strictObject(
    {
      request: z.custom<Request>(isRequest, "pass the Web-standard Request"),
      operationId: z.optional(idSchema()),
      answer: z.optional(markedSchema<Answer>(answerMark, "pass the awaited result of `answers.begin()`")),
      signal: z.optional(z.custom<AbortSignal>((value) => value instanceof AbortSignal, "use an AbortSignal")),
    },
    "pass an object with the request",
  ),
);

/**
 * Returns the events of an answer as server-sent events, for an `EventSource` or any other client. Each event has the id that
 * `follow` gives it, and its JSON as `data`. A client that lost its connection sends the id of the last event that it has,
 * and receives exactly the rest. An `EventSource` does that by itself.
 *
 * These events have a name:
 * - `end`: the last event, with `{ end, position }`. See `AnswerEnd`.
 * - `missed`, `truncated`: events are missing here, or from here on. See `AnswerEvent`.
 * - `error`: the stream ended too early. Has `{ code }`, the code of an error of this library, and no id, so that the client
 *   can reconnect.
 *
 * The response is a 204 without a body if there is nothing to follow, or if the client already has the last event. An
 * `EventSource` then stops. The response is a problem with status 400 if the client sent a text that is not the id of an
 * event. The stream writes a comment at once, and after every 15 seconds of silence, so that proxies keep the connection open.
 *
 * A reader that leaves does not stop the answer. Call `answers.stop()` for that.
 *
 * @param answers the answers of the session that the guard admitted: `sessions.answers(session)`.
 * @throws SessionNotFoundError, ConversationNotFoundError, StoreUnavailableError. Answer them with `problemResponse`.
 * @throws InvalidOptionError if an option is missing, unknown or invalid, or if the answer belongs to another conversation.
 *
 * @example
 * ```ts
 * export async function GET(request: Request): Promise<Response> {
 *   const { denied, session } = await guard(request, { agentId: "support" });
 *   if (denied) return denied;
 *   return answerResponse(sessions.answers(session), { request });
 * }
 * ```
 */
export async function answerResponse(answers: Answers, options: AnswerResponseOptions): Promise<Response> {
  const { request, operationId, answer, signal } = validate(schema(), "options", options);
  const leaving = new AbortController();
  if (answer !== undefined)
    return streamed(eventStream({ events: answers.serve(answer, leaving.signal), leaving, signal }));

  const after = request.headers.get("Last-Event-ID") || new URL(request.url).searchParams.get("after") || undefined;
  if (!z.safeParse(z.optional(eventIdSchema()), after).success) return toResponse(problem("INVALID_EVENT_ID"));
  const followed = { operationId, after };
  const isOver = after !== undefined && isLastEvent(after);
  // Ask before the response begins, because its status depends on the reply.
  if (isOver || !(await answers.isFollowable(followed))) {
    return new Response(null, { status: 204, headers: { "Cache-Control": "no-store" } });
  }
  return streamed(eventStream({ events: answers.follow({ ...followed, signal: leaving.signal }), leaving, signal }));
}

function streamed(body: ReadableStream<Uint8Array>): Response {
  return new Response(body, {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      // Without no-transform, a compressing middleware would hold events back.
      "Cache-Control": "no-cache, no-transform",
      // Tells nginx not to hold events back.
      "X-Accel-Buffering": "no",
    },
  });
}

/** Returns `true` for a request. Does not use `instanceof`, because frameworks have their own classes of requests. */
function isRequest(value: unknown): boolean {
  const { url, headers } = (value ?? {}) as Partial<Request>;
  return typeof url === "string" && typeof headers?.get === "function";
}
