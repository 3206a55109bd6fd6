import {
  type Answer,
  type BeginAnswer,
  type Conversation,
  ConversationBusyError,
  type Session,
  type SessionStore,
} from "langchain-redis-sessions";
import type { Agent } from "./agent.js";
import type { Changes } from "./changes.js";
import type { Log } from "./log.js";
import { noteFault, problemFor } from "./problems.js";
import { nameConversation } from "./titles.js";
import { turnFailure } from "./turn-failure.js";
import { noteTurn } from "./turn-note.js";
import type { RunningTurns } from "./turns.js";
import { pauseFor } from "./until.js";

// One answer, from its begin to its end. It runs on its own: whoever asked may leave.

type Answers = ReturnType<SessionStore["answers"]>;

export interface AnsweringParts {
  readonly sessions: SessionStore;
  readonly turns: RunningTurns;
  readonly changes: Changes;
  readonly log: Log;
  /** How long a request waits for another turn of its conversation, in seconds. */
  readonly waitFor: number;
}

/** What has become of a turn: it is stored, it waits for a person, or what was thrown. */
export type Outcome =
  | { readonly response: string; readonly messageCount: number; readonly waiting?: true }
  | { readonly failure: unknown };

/** The longest pause between two looks at a turn that another request waits for. */
const LOOK_MILLISECONDS = 100;

/**
 * Begins an answer once the conversation is free.
 *
 * @returns nothing when the same request runs already, and `follow` is given: that one is to be followed.
 * @throws ConversationBusyError when another turn ran for longer than that.
 * @throws what `answers.begin` throws.
 */
export async function beginInTurn(
  answers: Answers,
  options: BeginAnswer,
  { waitFor, follow }: { readonly waitFor: number; readonly follow: boolean },
): Promise<Answer | undefined> {
  const patience = AbortSignal.timeout(waitFor * 1_000);
  for (;;) {
    try {
      return await answers.begin(options);
    } catch (error) {
      if (!(error instanceof ConversationBusyError)) throw error;
      if (follow && error.operationId === options.operationId) return undefined;
      if (patience.aborted) throw error;
      for await (const event of answers.follow({ operationId: error.operationId, signal: patience })) {
        if ("end" in event) break;
      }
      // Where nothing can be followed, and until what has ended has let go.
      await pauseFor(LOOK_MILLISECONDS, patience);
    }
  }
}

/** Runs the agent until its turn is stored, waits or has failed. Never throws. */
export async function runAnswer(
  { sessions, turns, changes, log }: AnsweringParts,
  agent: Agent,
  { session, answer, approve }: { session: Session; answer: Answer; approve?: boolean },
): Promise<Outcome> {
  const note = noteTurn(log, session);
  const turn = turns.begin(answer);
  changes.publish(session, session.conversationId);
  let waiting = false;
  let outcome: Outcome;
  try {
    const events = agent.run({ session, answer, signal: turn.signal, approve });
    let next = await events.next();
    for (; !next.done; next = await events.next()) {
      if (next.value.type === "approval") waiting = true;
      answer.send(next.value);
    }
    // The turn is stored. What is still asked of Redis cannot undo that.
    const messageCount = (await namedAfter(sessions, session))?.messageCount ?? 0;
    outcome = { response: next.value, messageCount, ...(waiting ? { waiting: true as const } : {}) };
    note(waiting ? "waiting" : "done");
  } catch (error) {
    const failure = turnFailure(error, { signal: turn.signal, operationId: answer.operationId });
    const problem = problemFor(failure);
    note(problem.code);
    noteFault(log, failure, problem);
    outcome = { failure };
  } finally {
    await answer.close();
    turn.end();
    changes.publish(session, session.conversationId);
  }
  return outcome;
}

/** The conversation after a turn. It has a name by then, if it can be given one. */
async function namedAfter(sessions: SessionStore, session: Session): Promise<Conversation | undefined> {
  const conversation = await sessions.conversations.get(session, session.conversationId).catch(() => undefined);
  if (conversation !== undefined) await nameConversation(sessions, session, conversation);
  return conversation;
}
