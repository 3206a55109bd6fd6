import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { BaseMessage } from "@langchain/core/messages";
import type { Runnable } from "@langchain/core/runnables";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { isObject } from "../codec/json.js";

// This file holds everything that depends on internals of @langchain/core. The canaries in test/frameworks fail when a
// version changes any of it.

/** The callbacks of a running run (a CallbackManager). */
export interface RunCallbacks {
  readonly handlers?: unknown;
  readonly inheritableHandlers?: unknown;
  addHandler(handler: BaseCallbackHandler, inherit: boolean): void;
  removeHandler(handler: BaseCallbackHandler): void;
}

/** Returns the callbacks of the current run, or `undefined` outside of a run. */
export function currentCallbacks(): RunCallbacks | undefined {
  const callbacks: unknown = AsyncLocalStorageProviderSingleton.getRunnableConfig()?.callbacks;
  return isObject(callbacks) && "addHandler" in callbacks && "removeHandler" in callbacks
    ? (callbacks as unknown as RunCallbacks)
    : undefined;
}

/**
 * Adds a handler in front of those that a run has, and those that it hands down to runs inside it. Handlers get the same
 * chunk, so the others then see what this one has changed.
 */
export function addFirst(callbacks: RunCallbacks, handler: BaseCallbackHandler): void {
  callbacks.addHandler(handler, true);
  const { handlers, inheritableHandlers } = callbacks;
  for (const list of [handlers, inheritableHandlers]) {
    if (Array.isArray(list) && list.at(-1) === handler) list.unshift(list.pop());
  }
}

/** Returns the message of a model's generation, or of a chunk of one. */
export function messageOf(generation: unknown): BaseMessage | undefined {
  return isObject(generation) && "message" in generation ? (generation["message"] as BaseMessage) : undefined;
}

/** Gives a message an id. Sets it in `lc_kwargs` too, because checkpoints are made from these. */
export function giveId<Message extends BaseMessage>(message: Message, id: string): Message {
  message.id = id;
  message.lc_kwargs["id"] = id;
  return message;
}

/**
 * Returns true if the test is true for the runnable or for one inside it: a bound runnable, or a step of a sequence.
 */
export function holds(runnable: unknown, test: (inner: object) => boolean): boolean {
  if (!isObject(runnable)) return false;
  const { bound, steps } = runnable;
  return test(runnable) || holds(bound, test) || (Array.isArray(steps) && steps.some((step) => holds(step, test)));
}

/**
 * Joins the chunks of a runnable. The runnable decides how: each chunk of a JsonOutputParser, for example, is the whole
 * output so far.
 */
export type Adding = Pick<Runnable, "_concatOutputChunks">;

/** Returns the runnable that joins the chunks. For one with fallbacks, this is the first runnable. */
export function adderOf(runnable: Adding): Adding {
  return "fallbacks" in runnable && "runnable" in runnable ? adderOf(runnable.runnable as Adding) : runnable;
}
