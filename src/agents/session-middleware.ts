import type { BaseMessage } from "@langchain/core/messages";
import { type AgentMiddleware, createMiddleware } from "langchain";
import { z } from "zod";
import type { Answer } from "../answers/answer.js";
import { hidden, hiddenState, opened } from "../frameworks/hidden-state.js";
import { alternating, wantsAlternation } from "../messages/alternating.js";
import { answerable } from "../messages/answerable.js";
import { isResult } from "../messages/tool-calls.js";
import type { Session } from "../sessions/session.js";
import { AgentRuns, type RunState } from "./agent-runs.js";
import { parseMiddlewareOptions, type SessionMiddlewareOptions } from "./options.js";
import type { RunRecord } from "./run-record.js";
import { asStateUpdate } from "./state-update.js";

type StateSchema = z.ZodObject<{ _session: z.ZodOptional<z.ZodUnknown> }>;

/** The `context` that a call of the agent passes. */
type ContextSchema = z.ZodObject<{
  session: z.ZodCustom<Session, Session>;
  operationId: z.ZodOptional<z.ZodString>;
  replaces: z.ZodOptional<z.ZodString>;
  answer: z.ZodOptional<z.ZodCustom<Answer, Answer>>;
}>;

// All are optional at run time, so that a call without a session fails with an error of this library rather than one of zod.
// The schema copies nothing, so the session stays the object that the store returned.
const contextSchema = z.object({
  session: z.custom<Session>().optional(),
  operationId: z.custom<string>().optional(),
  replaces: z.custom<string>().optional(),
  answer: z.custom<Answer>().optional(),
}) as unknown as ContextSchema;

/**
 * Makes each run of an agent of `createAgent` a turn of a session's conversation. Puts the past messages in front of the
 * agent's messages. When the agent has answered, stores the new messages (the user's, tool calls and results, the answer)
 * once and whole, before `invoke()` resolves or the stream closes.
 *
 * Each call passes a `context`, and only new messages in `messages`:
 * - `session`, required: `agent.invoke({ messages }, { context: { session } })`.
 * - `operationId`: names the turn. If you repeat the request with the same id, the new run replaces the messages that failed
 *   runs left. Once the turn is stored, the call throws an OperationConflictError without calling the model.
 * - `replaces`: the position of a user's message. The turn replaces that message and all messages behind it, in the script
 *   that stores the turn. Until then the old messages stay, even with `persist: "step"`.
 * - `answer`: an answer in flight that `sessions.answers(session).begin()` returned. Pass the same `messages` as to `begin`,
 *   or none. The turn has the answer's operation id, and the script that stores the turn ends the answer. A run that waits
 *   for a person ends the answer with `waiting`. To resume it, begin an answer with the same operation id and without an
 *   input, and pass that answer with the Command.
 *
 * Put this middleware first in the list. Then it also stores the messages that other middleware adds before the agent
 * begins or after it has ended, and those that other middleware removes. It works with a checkpointer (one thread for each
 * conversation) and without.
 *
 * Errors of a run:
 * - TurnNotStoredError: the agent has answered, but the turn is not stored. `output.messages` has the agent's messages, and
 *   `retry()` stores the turn.
 * - SessionNotFoundError, SessionMismatchError, ConversationBusyError, OperationConflictError, PositionNotFoundError,
 *   StoreUnavailableError: the model was not called.
 * - AnswerStoppedError: a caller stopped the turn, or a later turn took its place. `onInterrupt` decides what is kept of it.
 * - An error of the model arrives as langchain passes it on from any middleware: as the `cause` of a MiddlewareError. So does
 *   the error of a session that ends, or of a turn that is stopped, while the model is called.
 *
 * A run can end without a call of the middleware's hooks: another middleware throws, or jumps to the end before the model is
 * called, or the recursion limit is reached. Such a run counts as interrupted, and is stored as such within about 15 s. With
 * a checkpointer, it is stored with the next turn of its thread.
 *
 * A run that waits for a person (`interrupt`, `humanInTheLoopMiddleware`) is stored when it has ended, in any process. Until
 * then the checkpoint has its messages. If the run was interrupted meanwhile, its real outcome replaces the messages that
 * were kept of it.
 *
 * A turn that repeats or replaces does not continue the thread. A `SessionSaver` drops the thread before the agent begins.
 * With other checkpointers, the messages of the earlier run are removed from the state, and other values stay.
 *
 * Streams that are passed on as JSON do not contain this middleware's own state, and its updates contain no past messages.
 * The modes `values`, `tasks`, `debug`, `checkpoints` and `streamEvents` show the state of a step, so they do contain the
 * past. With other checkpointers than this library's, they contain `"_session":{}` until the first hook of a run. A
 * checkpointer that stores plain JSON (`@langchain/langgraph-checkpoint-redis`) returns the content of `_session`.
 *
 * @throws InvalidOptionError if an option is missing, unknown or invalid.
 *
 * @example
 * ```ts
 * const agent = createAgent({ model, tools, middleware: [sessionMiddleware({ sessions })] });
 * await agent.invoke({ messages: [new HumanMessage("Hi")] }, { context: { session } });
 * ```
 */
export function sessionMiddleware(options: SessionMiddlewareOptions): AgentMiddleware<StateSchema, ContextSchema> {
  const settings = parseMiddlewareOptions(options);
  const runs = new AgentRuns(settings);

  return createMiddleware({
    name: "SessionMiddleware",
    stateSchema: hiddenState as StateSchema,
    contextSchema,
    async beforeAgent(state, runtime) {
      const { run, messages } = await runs.begin(withRecord(state), runtime);
      const record = settings.persist === "step" ? await run.storeStep(state) : run.record;
      return { messages: asStateUpdate(messages, state.messages), _session: hidden(record) };
    },

    // Put new messages into the record before another middleware can remove them from the state, so that a checkpoint has them.
    async beforeModel(state, runtime) {
      const before = withRecord(state);
      const run = await runs.of(before, runtime);
      run.refuseOver();
      run.follow(state.messages);
      const record = settings.persist === "step" ? await run.storeStep(state) : run.record;
      // Skip an update that changes nothing: langchain writes, and streams, the whole state again with each update.
      return record === before._session ? undefined : { messages: [], _session: hidden(record) };
    },

    async wrapModelCall(request, handler) {
      const run = await runs.of(withRecord(request.state), request.runtime);
      run.follow(request.state.messages);
      return run.callModel(async () => handler(shown(request)), request.runtime.signal);
    },

    async afterAgent(state, runtime) {
      // A middleware in front of this one may end the run before it begins here. The run is still a turn.
      const before = withRecord(state);
      const run = before._session ? await runs.of(before, runtime) : (await runs.begin(before, runtime)).run;
      run.refuseStopped();
      run.follow(state.messages);
      return { messages: [], _session: hidden(await run.store(state)) };
    },
  });
}

/** Returns the state with the record that is hidden in it. */
function withRecord({
  messages,
  _session,
}: {
  readonly messages: BaseMessage[];
  readonly _session?: unknown;
}): RunState {
  return { messages, _session: opened(_session) as RunRecord | undefined };
}

interface ModelCall {
  readonly model: unknown;
  readonly messages: BaseMessage[];
}

/** Returns the request with messages that a provider accepts. The state may have broken ones of an earlier turn. */
function shown<Request extends ModelCall>(request: Request): Request {
  const { messages } = request;
  // Leave results at the end as they are. They belong to this step, even if another middleware changed their call.
  const end = messages.findLastIndex((message) => !isResult(message)) + 1;
  const past = messages.slice(0, end);
  const mended = answerable(past, messages.slice(end));
  const told = wantsAlternation(request.model) ? alternating(mended) : mended;
  if (told.length === end && told.every((message, index) => message === past[index])) return request;
  return { ...request, messages: [...told, ...messages.slice(end)] };
}
