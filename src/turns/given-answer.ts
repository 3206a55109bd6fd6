import type { BaseMessage } from "@langchain/core/messages";
import type { Answer } from "../answers/answer.js";
import { InvalidOptionError } from "../errors.js";
import { answerMark, markedSchema } from "../options/copies.js";
import { validate } from "../options/validation.js";

/** What a caller passes with an answer. */
interface Given {
  readonly answer?: unknown;
  readonly session?: unknown;
  readonly operationId?: unknown;
  readonly replaces?: unknown;
}

const answerSchema = markedSchema<Answer>(answerMark, "pass what `answers.begin()` returned: awaited");

/**
 * Returns the answer in flight that a caller passed, if there is one.
 *
 * @param where the option that holds these.
 * @throws InvalidOptionError for an answer that is none or another conversation's, and for what the answer has itself.
 */
export function givenAnswer(where: string, { answer, session, operationId, replaces }: Given): Answer | undefined {
  if (answer === undefined) return undefined;
  const given = validate(answerSchema, `${where}.answer`, answer);
  if (!given.isOf(session)) {
    throw new InvalidOptionError(`${where}.answer`, "it is of another conversation than the session's.");
  }
  if (operationId !== undefined && operationId !== given.operationId) {
    throw new InvalidOptionError(`${where}.operationId`, "the answer has another one: leave it out.");
  }
  if (replaces !== undefined) throw new InvalidOptionError(`${where}.replaces`, "pass it to `answers.begin()`.");
  return given;
}

/**
 * Returns the question of an answer, which a caller passes once more as the input, or leaves out.
 *
 * @param name the option that holds the input.
 * @throws InvalidOptionError when the input says something else.
 */
export function questionIn(answer: Answer, said: readonly BaseMessage[], name: string): readonly BaseMessage[] {
  const { question } = answer.begun;
  if (said.length > 0 && !saysSame(said, question)) {
    throw new InvalidOptionError(name, "pass what `answers.begin()` was given as its input, or no messages.");
  }
  return question;
}

/** Returns true when both lists say the same, whatever the ids. */
export function saysSame(some: readonly BaseMessage[], others: readonly BaseMessage[]): boolean {
  return JSON.stringify(some.map(contentOf)) === JSON.stringify(others.map(contentOf));
}

function contentOf({ type, content }: BaseMessage): unknown {
  return [type, content];
}
