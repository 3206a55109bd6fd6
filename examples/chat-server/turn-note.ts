import type { Session } from "langchain-redis-sessions";
import type { Log } from "./log.js";

/** A line for each turn, when it is over: `done`, or the code of its problem. */
export function noteTurn(log: Log, { id, userId, agentId, conversationId }: Session): (outcome: string) => void {
  const begun = performance.now();
  return (outcome) => {
    log({
      level: outcome === "done" || outcome === "CLIENT_GONE" ? "info" : "warn",
      event: "turn",
      outcome,
      ms: Math.round(performance.now() - begun),
      session: id,
      user: userId,
      agent: agentId,
      conversation: conversationId,
    });
  };
}
