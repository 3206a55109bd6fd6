import { createHmac } from "node:crypto";
import type { Attributes } from "@opentelemetry/api";
import type { OperationEnd, Subject } from "../diagnostics/operations.js";

/** What attributes and metrics of ours begin with, where OpenTelemetry has no name. */
export const PREFIX = "langchain_redis_sessions";

/** Returns how an operation ended, in few different values: metrics have these attributes too. */
export function outcomeAttributes({ outcome, error }: OperationEnd): Attributes {
  return {
    ...(outcome === undefined ? {} : { [`${PREFIX}.outcome`]: outcome }),
    ...(error === undefined ? {} : { "error.type": error }),
  };
}

/** Returns what an operation was about. @param secret what names are hashed with; without it they are left out. */
export function subjectAttributes(subject: Subject | undefined, secret: string | undefined): Attributes {
  if (subject === undefined) return {};
  const { owner, conversationId, agentId } = subject;
  return {
    // Of a session. Random ids, but for the agent's, which a developer chose.
    "gen_ai.conversation.id": conversationId,
    "gen_ai.agent.id": agentId,
    ...(owner === undefined || secret === undefined ? {} : hashedOwner(owner, secret)),
  };
}

function hashedOwner(owner: string, secret: string): Attributes {
  const hashed = createHmac("sha256", secret).update(owner).digest("base64url").slice(0, 22);
  const kind = owner.slice(0, owner.indexOf(":"));
  if (kind === "user") return { "user.hash": hashed };
  if (kind === "history" || kind === "thread") return { "gen_ai.conversation.id": hashed };
  return { [`${PREFIX}.owner.hash`]: hashed };
}
