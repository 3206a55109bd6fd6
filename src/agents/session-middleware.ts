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

/** What a call of the agent passes as `context`. */
type ContextSchema = z.ZodObject<{
  session: z.ZodCustom<Session, Session>;
  operationId: z.ZodOptional<z.ZodString>;
  replaces: z.ZodOptional<z.ZodString>;
  answer: z.ZodOptional<z.ZodCustom<Answer, Answer>>;
}>;

// Both are optional at run time, so that a call without a session meets an error of this library rather than one of zod.
// The schema copies nothing: a session is the object that the store returned.
const contextSchema = z.object({
  session: z.custom<Session>().optional(),
  operationId: z.custom<string>().optional(),
  replaces: z.custom<string>().optional(),
  answer: z.custom<Answer>().optional(),
}) as unknown as ContextSchema;

/**
 * Makes each run of an agent of `createAgent` a turn of a session's conversation. Puts what was said before in front of
 * the agent's messages. Stores what is new when the agent has answered (what the user said, calls and results of tools,
 * the answer), once and whole, before `invoke()` resolves or the stream closes.
 *
 * Pass the session with each call: `agent.invoke({ messages }, { context: { session } })`. With
 * `context: { session, operationId }` a repeated request takes the place of what its own failed runs left, and is refused
 * once its turn is stored. With `context: { session, replaces }`, the position of a user's message, the turn takes the place
 * of that message and of all behind it, in the script that stores the turn. Until then the old messages stay, also with
 * `persist: "step"`. Pass only what is new in `messages`.
 *
 * `context: { session, answer }` goes on with an answer in flight that `sessions.answers(session).begin()` returned. Pass in
 * `messages` what `begin` was given, or nothing. The turn has the answer's operation id, and ends the answer in the script
 * that stores it. A run that waits for a person ends the answer with `waiting`. To resume it, begin an answer with the same
 * operation id and no input, and pass that with the Command.
 *
 * Put this middleware first in the list: then it also stores what others add before the agent begins or after
 * it has ended, and what they remove. It works with a checkpointer (one thread for each conversation) and without.
 *
 * - TurnNotStoredError: the agent has answered, and the turn is not stored. `output.messages` are the agent's messages, and
 *   `retry()` stores the turn.
 * - SessionNotFoundError, SessionMismatchError, ConversationBusyError, OperationConflictError, PositionNotFoundError,
 *   StoreUnavailableError: the model was not called.
 * - AnswerStoppedError: somebody stopped the turn, or a later turn took its place. What it had is kept, as `onInterrupt` says.
 * - An error of the model, or of a session that ends or a turn that is stopped while the model is called, arrives as langchain passes it on from
 *   any middleware: a MiddlewareError whose `cause` it is.
 *
 * A run can end without its hooks being told: another middleware throws, or jumps to the end before the model is called,
 * or the recursion limit is reached. Such a run counts as interrupted, and is stored as such within about 15 s. With a
 * checkpointer it is stored with the next turn of its thread.
 *
 * A run that waits for a person (`interrupt`, `humanInTheLoopMiddleware`) is stored when it has ended, in whichever
 * process that is. Until then its messages are in the checkpoint. When it was interrupted meanwhile, what was kept of it
 * gives way to what really came of it.
 *
 * A turn that repeats or replaces does not go on with the thread as it is. A `SessionSaver` drops the thread before the
 * agent begins. With other checkpointers the messages of the earlier run are taken out, and other values stay.
 *
 * Streams, passed on as JSON, have nothing of what this middleware keeps in the state, and its updates have no message of
 * the past. `values` are the whole state, so they have the past, and so has what `tasks`, `debug`, `checkpoints` and
 * `streamEvents` tell of a step's input. With other checkpointers than this library's, these have `"_session":{}` until the
 * first hook of a run. A checkpointer that stores plain JSON (`@langchain/langgraph-checkpoint-redis`) returns the content.
 *
 * @throws InvalidOptionError when an option is missing, unknown or of the wrong form.
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

    // What is new goes into the state before another middleware takes it out, so that a checkpoint has it.
    async beforeModel(state, runtime) {
      const before = withRecord(state);
      const run = await runs.of(before, runtime);
      run.refuseOver();
      run.follow(state.messages);
      const record = settings.persist === "step" ? await run.storeStep(state) : run.record;
      // langchain writes the whole state again with each update of it, and streams what it writes.
      return record === before._session ? undefined : { messages: [], _session: hidden(record) };
    },

    async wrapModelCall(request, handler) {
      const run = await runs.of(withRecord(request.state), request.runtime);
      run.follow(request.state.messages);
      return run.callModel(async () => handler(shown(request)), request.runtime.signal);
    },

    async afterAgent(state, runtime) {
      // A middleware that is listed before this one may end the run before it begins here. It is a turn all the same.
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

/** Returns the request as the model is shown it: an earlier turn may have left what no provider accepts in the state. */
function shown<Request extends ModelCall>(request: Request): Request {
  const { messages } = request;
  // Results at the end belong to this step, whatever another middleware made of their call.
  const end = messages.findLastIndex((message) => !isResult(message)) + 1;
  const past = messages.slice(0, end);
  const mended = answerable(past, messages.slice(end));
  const told = wantsAlternation(request.model) ? alternating(mended) : mended;
  if (told.length === end && told.every((message, index) => message === past[index])) return request;
  return { ...request, messages: [...told, ...messages.slice(end)] };
}
