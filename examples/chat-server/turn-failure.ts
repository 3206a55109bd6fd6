import { OperationConflictError, TurnNotStoredError } from "langchain-redis-sessions";
import { problemOf } from "langchain-redis-sessions/http";
import { ServiceError } from "./problems.js";

/**
 * What to tell of a turn that failed: that it was stopped, and by what; that it was stored before; that the answer is
 * there and could not be stored; another problem of sessions as it is; of anything else, that the agent failed.
 *
 * @param turn the signal that stops it, and the name that it was sent with.
 */
export function turnFailure(error: unknown, turn: { signal?: AbortSignal; operationId: string }): unknown {
  if (turn.signal?.aborted === true) return turn.signal.reason;
  const own = within(error, ServiceError);
  if (own !== undefined) return own;
  const conflict = within(error, OperationConflictError);
  if (conflict !== undefined && conflict.operationId === turn.operationId)
    return new ServiceError("OPERATION_CONFLICT");
  const problem = problemOf(error);
  if (problem === undefined) return new ServiceError("AGENT_FAILED", { cause: error });
  const unstored = within(error, TurnNotStoredError);
  // Redis is away or full. Anything else (the session has ended, say) is no reason to send it again, nor to show it.
  if (unstored !== undefined && problem.status === 503) {
    return new ServiceError("TURN_NOT_STORED", { cause: error, response: answerIn(unstored.output) });
  }
  return error;
}

/** langchain wraps what its middleware throws. */
function within<Kind extends Error>(error: unknown, kind: abstract new (...args: never) => Kind): Kind | undefined {
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++, current = current.cause) {
    if (current instanceof kind) return current;
  }
  return undefined;
}

function answerIn(output: unknown): string {
  const { messages = [] } = output as { readonly messages?: readonly { readonly text: string }[] };
  return messages.at(-1)?.text ?? "";
}
