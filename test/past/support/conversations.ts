import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { RedisChatMessageHistory, type Session, SessionStore, type Window } from "langchain-redis-sessions";
import { historyKeys, ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import { Turn, type TurnCall } from "../../../src/turns/turn.js";
import type { Client } from "../../support/topologies.js";
import { freshId } from "../../support/turns.js";
import { ToldSettings } from "./outcomes.js";

export interface ConversationOptions {
  readonly window?: Window;
  readonly maxMessages?: number;
  readonly ttl?: number;
}

/** A conversation in which turns have parts. */
export interface PastConversation {
  /** A history object of its own. Of a session's conversation, each is of another session. */
  readonly open: (options?: ConversationOptions) => Promise<RedisChatMessageHistory>;
  readonly messages: string;
  /** The hash that keeps the note of an unfinished turn. */
  readonly notes: string;
  readonly operation: (operationId: string) => string;
}

export function onItsOwn(client: Client): PastConversation {
  const sessionId = freshId();
  const { messages, meta, operation } = historyKeys("chat", sessionId);
  return {
    open: async (options = {}) => new RedisChatMessageHistory({ client, sessionId, ...options }),
    messages,
    notes: meta,
    operation,
  };
}

export function ofSessions(client: Client): PastConversation {
  const userId = freshId();
  const keys = ownerKeys("chat", ownerTag(userId, undefined));
  const init = { userId, agentId: "support" };
  let first: Promise<Session> | undefined;
  const conversationId = async (): Promise<string> => {
    first ??= new SessionStore({ client }).create(init).then(({ session }) => session);
    return (await first).conversationId;
  };
  let id = "";
  return {
    open: async ({ window, maxMessages } = {}) => {
      const store = new SessionStore({ client, window, maxMessages, maxSessionsPerUser: 1_000 });
      const begun = first !== undefined;
      id = await conversationId();
      const { session } = await store.create(begun ? { ...init, conversationId: id } : init);
      return store.history(begun ? session : { ...session, conversationId: id });
    },
    get messages() {
      return keys.messages(id);
    },
    get notes() {
      return keys.conversation(id);
    },
    operation: keys.operation,
  };
}

/** A turn that a request begins. */
export async function begin(
  conversation: PastConversation,
  operationId: string | undefined,
  options: ConversationOptions & Pick<TurnCall, "replaces"> & { readonly onInterrupt?: "keep" | "discard" } = {},
): Promise<Turn> {
  const { onInterrupt, replaces, ...others } = options;
  return Turn.begin(await conversation.open(others), new ToldSettings(onInterrupt), { operationId, replaces });
}

/** `"Q: text"` is what a user says, anything else an answer. */
export function said(...texts: readonly string[]): { messages: () => BaseMessage[]; output: undefined } {
  const messages = (): BaseMessage[] =>
    texts.map((text) => (text.startsWith("Q: ") ? new HumanMessage(text) : new AIMessage(text)));
  return { messages, output: undefined };
}
