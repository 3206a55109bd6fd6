import type { BaseMessage } from "@langchain/core/messages";
import type { Answer } from "../answers/answer.js";
import { InvalidOptionError } from "../errors.js";
import { answerMark, markedSchema } from "../options/copies.js";
import { validate } from "../options/validation.js";

/** The values that a caller passes with an answer. */
interface Given {
  readonly answer?: unknown;
  readonly session?: unknown;
  readonly operationId?: unknown;
  readonly replaces?: unknown;
}

const answerSchema = markedSchema<Answer>(answerMark, "pass the awaited result of `answers.begin()`");

/**
 * Returns the answer in flight that a caller passed, if there is one.
 *
 * @param where the option that contains these values.
 * @throws InvalidOptionError if the value is not an answer, belongs to another conversation, or is passed with a value that
 * the answer already has.
 */
export function givenAnswer(where: string, { answer, session, operationId, replaces }: Given): Answer | undefined {
  if (answer === undefined) return undefined;
  const given = validate(answerSchema, `${where}.answer`, answer);
  if (!given.isOf(session)) {
    throw new InvalidOptionError(`${where}.answer`, "it belongs to another conversation than the session's.");
  }
  if (operationId !== undefined && operationId !== given.operationId) {
    throw new InvalidOptionError(`${where}.operationId`, "the answer has another operation id. Leave this one out.");
  }
  if (replaces !== undefined) throw new InvalidOptionError(`${where}.replaces`, "pass it to `answers.begin()`.");
  return given;
}

/**
 * Returns the question of an answer. The caller passes it once more as the input, or leaves it out.
 *
 * @param name the option that contains the input.
 * @throws InvalidOptionError if the input is not that question.
 */
export function questionIn(answer: Answer, said: readonly BaseMessage[], name: string): readonly BaseMessage[] {
  const { question } = answer.begun;
  if (said.length > 0 && !saysSame(said, question)) {
    throw new InvalidOptionError(name, "pass the input that you passed to `answers.begin()`, or no messages.");
  }
  return question;
}

/** Returns true if both lists have the same content. Ids are not compared. */
export function saysSame(some: readonly BaseMessage[], others: readonly BaseMessage[]): boolean {
  return JSON.stringify(some.map(contentOf)) === JSON.stringify(others.map(contentOf));
}

function contentOf({ type, content }: BaseMessage): unknown {
  return [type, content];
}
