import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { BaseMessage } from "@langchain/core/messages";
import type { Runnable } from "@langchain/core/runnables";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { isObject } from "../codec/json.js";

// Everything in which this library depends on internals of @langchain/core. The canaries in test/frameworks fail when a
// version of it changes one of these.

/** The callbacks of a run that is under way: a CallbackManager. */
export interface RunCallbacks {
  addHandler(handler: BaseCallbackHandler, inherit: boolean): void;
  removeHandler(handler: BaseCallbackHandler): void;
}

/** Returns the callbacks of the run in which this is called, or `undefined` outside of a run. */
export function currentCallbacks(): RunCallbacks | undefined {
  const callbacks: unknown = AsyncLocalStorageProviderSingleton.getRunnableConfig()?.callbacks;
  return isObject(callbacks) && "addHandler" in callbacks && "removeHandler" in callbacks
    ? (callbacks as unknown as RunCallbacks)
    : undefined;
}

/** Returns the message of what a model generated: of a generation, or of a part of one. */
export function messageOf(generation: unknown): BaseMessage | undefined {
  return isObject(generation) && "message" in generation ? (generation["message"] as BaseMessage) : undefined;
}

/** Gives a message an id that it keeps in a checkpoint too: a checkpoint is made of `lc_kwargs`. */
export function giveId<Message extends BaseMessage>(message: Message, id: string): Message {
  message.id = id;
  message.lc_kwargs["id"] = id;
  return message;
}

/** Returns true when the test is true of the runnable, or of one inside: a bound one, or a step of a sequence. */
export function holds(runnable: unknown, test: (inner: object) => boolean): boolean {
  if (!isObject(runnable)) return false;
  const { bound, steps } = runnable;
  return test(runnable) || holds(bound, test) || (Array.isArray(steps) && steps.some((step) => holds(step, test)));
}

/** A runnable says what its chunks make together: of a JsonOutputParser, each chunk is the whole so far. */
export type Adding = Pick<Runnable, "_concatOutputChunks">;

/** Returns the runnable that says how the chunks are added: of one with fallbacks, the runnable in front of these. */
export function adderOf(runnable: Adding): Adding {
  return "fallbacks" in runnable && "runnable" in runnable ? adderOf(runnable.runnable as Adding) : runnable;
}
