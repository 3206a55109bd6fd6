import { trimMessages } from "@langchain/core/messages";
import { createMiddleware } from "langchain";

/**
 * Gives the model the newest messages of a conversation, from a question on. All stay stored.
 *
 * @param messages how many, at most.
 */
export function windowOf(messages: number) {
  return createMiddleware({
    name: "window",
    wrapModelCall: async (request, handler) => {
      const newest = await trimMessages(request.messages, {
        maxTokens: messages,
        tokenCounter: ({ length }) => length,
        startOn: "human",
      });
      // A turn that alone is longer than the window is given whole: half of it could not be answered.
      const latest = request.messages.findLastIndex(({ type }) => type === "human");
      return handler({
        ...request,
        messages: newest.length > 0 ? newest : request.messages.slice(Math.max(0, latest)),
      });
    },
  });
}
