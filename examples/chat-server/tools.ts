import { tool, type ToolRuntime } from "langchain";
import { QuotaExceededError, type Session, type SessionStore } from "langchain-redis-sessions";
import { z } from "zod";

// What the agent can do. A tool learns from the context of the run whose session it works for, so that one agent object
// serves everybody. What goes wrong and the model can know of, it is told; anything else fails the turn.

/** Those that run only when a person has approved the call. */
export const toolsThatAsk = {
  forget: {
    allowedDecisions: ["approve", "reject"],
    description: "The agent wants to forget everything that it remembers of you. This cannot be undone.",
  },
};

type Runtime = ToolRuntime<unknown, { readonly session: Session }>;

/** Under this key: a list of sentences, for GET /memory/facts too. */
const FACTS = "facts";
const facts = z.array(z.string());

export const timeIn = tool(
  ({ zone }) => {
    try {
      return new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeStyle: "short" }).format(new Date());
    } catch {
      return `not known here: there is no time zone ${zone}`;
    }
  },
  {
    name: "time_in",
    description: "The time of day in a time zone",
    schema: z.object({ zone: z.string().describe("an IANA time zone, such as Europe/Oslo") }),
  },
);

/** Agent memory: it outlives the conversation, and is the user's with this agent, whatever the session. */
export function memoryTools(sessions: SessionStore) {
  const remember = tool(
    async ({ fact }, { context, toolCallId }: Runtime) => {
      try {
        // Named by the call: should it run again, the fact is there once.
        await sessions.memory(sessionOf(context)).append(FACTS, fact, { max: 100, operationId: toolCallId });
        return `I will remember that ${fact}.`;
      } catch (error) {
        if (!(error instanceof QuotaExceededError)) throw error;
        return "I cannot remember more at the moment.";
      }
    },
    {
      name: "remember",
      description: "Remember a fact about the user for later conversations",
      schema: z.object({ fact: z.string().max(1_000) }),
    },
  );
  const recall = tool(
    async (_input, { context }: Runtime) => {
      const known = (await sessions.memory(sessionOf(context)).get(FACTS, facts)) ?? [];
      return known.length === 0 ? "I remember nothing yet." : `I remember that ${known.join("; that ")}.`;
    },
    {
      name: "recall",
      description: "All facts about the user that were remembered, in this conversation or an earlier one",
      schema: z.object({}),
    },
  );
  const forget = tool(
    async (_input, { context, toolCallId }: Runtime) => {
      const known = await sessions.memory(sessionOf(context)).delete(FACTS, { operationId: toolCallId });
      return known ? "I have forgotten all of it." : "There was nothing to forget.";
    },
    {
      name: "forget",
      description:
        "Forget all facts about the user. Call it when they ask for it: they are asked whether they are sure.",
      schema: z.object({}),
    },
  );
  return [remember, recall, forget];
}

/** Which of the context's types arrives is up to the version of langchain; what arrives is the session. */
function sessionOf(context: unknown): Session {
  return (context as { readonly session: Session }).session;
}
