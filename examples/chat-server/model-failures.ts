import { createMiddleware } from "langchain";
import type { Answer } from "langchain-redis-sessions";
import { type OwnCode, ServiceError } from "./problems.js";

/**
 * Says in words of the service what a provider refused, to whoever follows the answer. It does so before the turn ends:
 * the end of an answer says only that it broke off.
 */
export const modelFailures = createMiddleware({
  name: "modelFailures",
  wrapModelCall: async (request, handler) => {
    try {
      return await handler(request);
    } catch (error) {
      const { context, signal } = request.runtime as {
        readonly context?: { readonly answer?: Answer };
        readonly signal?: AbortSignal;
      };
      // What was stopped did not fail.
      if (signal?.aborted === true || context?.answer?.signal.aborted === true) throw error;
      const failure = failureOf(error);
      context?.answer?.send({ type: "problem", problem: failure.problem });
      throw failure;
    }
  },
});

/** By the status of the provider's answer, which the packages of providers put on their errors. */
function failureOf(error: unknown): ServiceError {
  const { status, code } = (error ?? {}) as { readonly status?: unknown; readonly code?: unknown };
  return new ServiceError(kindOf(Number(status), String(code)), { cause: error });
}

function kindOf(status: number, code: string): OwnCode {
  if (status === 401 || status === 403) return "MODEL_REFUSED_KEY";
  if (status === 429) return code === "insufficient_quota" ? "MODEL_QUOTA_USED_UP" : "MODEL_RATE_LIMITED";
  if (status >= 500 || /^(?:ECONN|ENOTFOUND|ETIMEDOUT|EAI_)/.test(code)) return "MODEL_UNAVAILABLE";
  return "AGENT_FAILED";
}
