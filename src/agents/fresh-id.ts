import { randomUUID } from "node:crypto";
import { AIMessage } from "@langchain/core/messages";
import type { RunRecord } from "./run-record.js";

/**
 * The answer, with another id when it has that of an earlier message (a model that was scripted, or a proxy, may give
 * each answer the same): it would take the place of that one.
 */
export function withFreshId<Answer>(answer: Answer, { known, pending }: RunRecord): Answer {
  if (!AIMessage.isInstance(answer) || answer.id === undefined) return answer;
  const { id } = answer;
  if (!known.includes(id) && !pending.some((message) => message.id === id)) return answer;
  return Object.assign(Object.create(Object.getPrototypeOf(answer) as object) as Answer & object, answer, {
    id: randomUUID(),
  });
}
