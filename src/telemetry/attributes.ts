import { createHmac } from "node:crypto";
import type { Attributes } from "@opentelemetry/api";
import type { OperationEnd, Subject } from "../diagnostics/operations.js";
import { kindOfId } from "../options/ids.js";

/** The beginning of the names of attributes and metrics for which OpenTelemetry has no name. */
export const PREFIX = "langchain_redis_sessions";

/**
 * Returns attributes that say how an operation ended. They have few different values, because metrics carry them too.
 */
export function outcomeAttributes({ outcome, error }: OperationEnd): Attributes {
  return {
    ...(outcome === undefined ? {} : { [`${PREFIX}.outcome`]: outcome }),
    ...(error === undefined ? {} : { "error.type": error }),
  };
}

/**
 * Returns attributes that say whose data an operation was about.
 *
 * @param secret the secret that hashes names. Without it, the attributes leave names out.
 */
export function subjectAttributes(subject: Subject | undefined, secret: string | undefined): Attributes {
  if (subject === undefined) return {};
  const { owner, conversationId, agentId } = subject;
  return {
    ...(owner === undefined || secret === undefined ? {} : hashedOwner(owner, secret)),
    // These belong to a session, and a developer chose the agent's id. An id that this library made is random. Any other one
    // comes from a caller who looked for a conversation, and may be an e-mail address.
    ...(kindOfId(conversationId ?? "") === "conversation" && { "gen_ai.conversation.id": conversationId }),
    "gen_ai.agent.id": agentId,
  };
}

function hashedOwner(owner: string, secret: string): Attributes {
  const hashed = createHmac("sha256", secret).update(owner).digest("base64url").slice(0, 22);
  const kind = owner.slice(0, owner.indexOf(":"));
  if (kind === "user") return { "user.hash": hashed };
  if (kind === "history" || kind === "thread") return { "gen_ai.conversation.id": hashed };
  return { [`${PREFIX}.owner.hash`]: hashed };
}
