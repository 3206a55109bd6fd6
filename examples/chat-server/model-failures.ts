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

/** Codes of Node, and of its fetch, for a provider that cannot be reached. */
const LOST = /^(?:ECONN|ENOTFOUND|ETIMEDOUT|EAI_|EPIPE|UND_ERR_)/;

/** By the status of the provider's answer, which the packages of providers put on their errors. */
function failureOf(error: unknown): ServiceError {
  const { status } = (error ?? {}) as { readonly status?: unknown };
  return new ServiceError(kindOf(Number(status), codesOf(error)), { cause: error });
}

/** That of the error, and those of its causes: of a lost connection the package of a provider says no more than that. */
function codesOf(error: unknown): string[] {
  const codes: string[] = [];
  let current = error;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++, current = current.cause) {
    if ("code" in current) codes.push(String(current.code));
  }
  return codes;
}

function kindOf(status: number, codes: readonly string[]): OwnCode {
  if (status === 401 || status === 403) return "MODEL_REFUSED_KEY";
  if (status === 429) return codes.includes("insufficient_quota") ? "MODEL_QUOTA_USED_UP" : "MODEL_RATE_LIMITED";
  if (status >= 500 || codes.some((code) => LOST.test(code))) return "MODEL_UNAVAILABLE";
  return "AGENT_FAILED";
}
