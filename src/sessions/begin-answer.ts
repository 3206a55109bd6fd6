import { observe } from "../diagnostics/operations.js";
import { setTimeout as pause } from "node:timers/promises";
import type { BaseMessage } from "@langchain/core/messages";
import { Answer, type BegunAnswer } from "../answers/answer.js";
import type { AnswerFeeds } from "../answers/follow.js";
import type { AnswerPlace } from "../answers/place.js";
import { OpenConversation } from "../chat-history/open-conversation.js";
import { AnswerStoppedError, ConversationBusyError, isLangChainRedisError, TurnNotStoredError } from "../errors.js";
import { digestOf } from "../options/digest.js";
import { newName } from "../options/ids.js";
import type { Channels } from "../redis/channels.js";
import type { OwnerKeys } from "../redis/keys.js";
import { newOperationId } from "../redis/operation.js";
import { type AnswerBegun, beginAnswerScript, type BeginReply } from "../redis/scripts/answer/begin.js";
import { leaveAnswerScript } from "../redis/scripts/answer/leave.js";
import { run, write } from "../redis/send.js";
import { type BeginAnswer, parseBegin, type ParsedBegin } from "./answer-options.js";
import { parseSession, type SessionRef, type SessionSettings } from "./options.js";
import { sealEntries } from "../chat-history/entries.js";
import type { Lineage, StaleLineage } from "./lineage.js";
import { connectionOfOwner } from "./owner-keys.js";
import { SessionLog } from "./session-log.js";
import type { SessionWatch } from "./signals.js";

/** The pause between two tries of a turn that stops another one. */
const PAUSE_MILLISECONDS = 50;

/** The errors of a try that may have taken the conversation all the same. */
const MAY_HAVE_BEGUN: ReadonlySet<string> = new Set(["STORE_UNAVAILABLE", "NOT_REPLICATED"]);

/** The parts of a store that its answers share. */
export interface AnswerStore {
  readonly settings: SessionSettings;
  readonly channels: Channels;
  readonly feeds: AnswerFeeds;
  readonly watch: () => SessionWatch;
}

/** The random names of an answer. */
interface Names {
  /** Names the lease under which the answer runs. */
  readonly token: string;
  /** The public name: the ids of the answer's events begin with it. */
  readonly run: string;
  /** Names the run of the turn. */
  readonly attempt: string;
}

/** Begins an answer. See {@link Answers.begin}. */
export async function beginAnswer(
  { settings, channels, watch: watchOf }: AnswerStore,
  keys: OwnerKeys,
  session: SessionRef,
  place: AnswerPlace,
  options: BeginAnswer,
): Promise<Answer> {
  const begin = parseBegin(options);
  const log = new SessionLog(settings, keys, session, channels);
  const conversation = new OpenConversation(log, settings);
  const { encoded } = conversation.encode(begin.question);
  const names = { token: newOperationId(), run: newName(), attempt: newName() };
  const { lineage } = log;
  const once = (over: string): Promise<BeginReply> =>
    lineage.settle(() => tryOnce({ settings, keys, session, place, begin, names, encoded, lineage }, over));
  const watch = watchOf();
  const observation = observe("lease.wait", log.subject);
  try {
    const begun = begunAnswer(begin, names, await untilBegun(once, () => leave(place, keys, names.token), begin));
    observation?.end({ outcome: "granted" });
    conversation.resume(begun.seen);
    return new Answer({
      place,
      begun,
      leaseMilliseconds: begin.lease,
      windowMilliseconds: begin.window,
      maxBytes: begin.maxBytes,
      isOf: (other) => isSame(session, parseSession("session", other as SessionRef)),
      watch,
      store: (messages) => storeByHand(conversation, begun, messages),
    });
  } catch (error) {
    observation?.fail(error);
    watch.release();
    throw error;
  }
}

/** Tries until this turn has the conversation. With `supersede`, each try asks the running turn to stop. */
async function untilBegun(
  once: (over: string) => Promise<BeginReply>,
  giveUp: () => void,
  { waitFor }: ParsedBegin,
): Promise<AnswerBegun> {
  const giveUpAt = performance.now() + waitFor;
  let over = "";
  try {
    for (;;) {
      const answered = await once(over);
      if (answered.outcome === "superseded") throw new AnswerStoppedError("superseded");
      if (answered.outcome === "busy") throw new ConversationBusyError("taken", answered.operationId || undefined);
      if (answered.outcome !== "waiting") return answered;
      ({ over } = answered);
      if (performance.now() + PAUSE_MILLISECONDS > giveUpAt) throw new ConversationBusyError("taken");
      await pause(PAUSE_MILLISECONDS);
    }
  } catch (error) {
    // A turn that waited removes its wish to stop the other turn. A turn that may have begun gives the conversation back.
    const mayHaveBegun = isLangChainRedisError(error) && MAY_HAVE_BEGUN.has(error.code);
    if (over !== "" || mayHaveBegun) giveUp();
    throw error;
  }
}

interface Try {
  readonly settings: SessionSettings;
  readonly keys: OwnerKeys;
  readonly session: SessionRef;
  readonly place: AnswerPlace;
  readonly begin: ParsedBegin;
  readonly names: Names;
  readonly encoded: readonly string[];
  readonly lineage: Lineage;
}

function tryOnce(
  { settings, keys, session, place, begin, names, encoded, lineage }: Try,
  over: string,
): Promise<BeginReply | StaleLineage> {
  const { id: sessionId, conversationId } = session;
  const { operationId, supersede, lease: leaseMilliseconds, ttl, replaces = "" } = begin;
  const { token, run: name, attempt } = names;
  const { waiting: _, ...held } = place.keys;
  return write(connectionOfOwner(settings, keys, session), beginAnswerScript, {
    operationId,
    sealedFor: settings.conversationMilliseconds,
    keys: {
      ...held,
      conversations: keys.conversations,
      operation: keys.operation(token),
      ...keys.thread(conversationId),
      threads: keys.threads,
      turnOperation: keys.operation(operationId),
      erased: keys.erasedConversations,
    },
    arguments: (sealer) => ({
      digest: digestOf("answer", token),
      lineage: encoded.length === 0 ? "" : lineage.argumentFor(sealer),
      sessionId,
      conversationId,
      token,
      run: name,
      over,
      supersedes: supersede,
      duration: String(leaseMilliseconds),
      ttl: settings.conversationMilliseconds,
      followable: ttl,
      cap: settings.maxMessages,
      channel: place.channel,
      turn: { operationId, named: true, attempt, written: false, kind: "part" },
      replaces,
      encoded: sealEntries(sealer, encoded, lineage.id),
    }),
  });
}

function begunAnswer(
  { operationId, question, replaces }: ParsedBegin,
  { token, run: name }: Names,
  { generation, attempt, position, behind, asked, isAnew }: AnswerBegun,
): BegunAnswer {
  return {
    operationId,
    token,
    run: name,
    attempt,
    seen: generation,
    question,
    stored: position === "" ? undefined : { position, length: asked },
    fence: replaces !== undefined && behind !== "" ? { from: replaces, behind } : undefined,
    isAnew,
  };
}

/** Stores a turn for `answer.store()`, when no runnable or agent does. */
async function storeByHand(
  conversation: OpenConversation,
  begun: BegunAnswer,
  messages: readonly BaseMessage[],
): Promise<void> {
  const { operationId, token, attempt, question, stored, fence } = begun;
  try {
    const batch = conversation.encode(stored === undefined ? [...question, ...messages] : messages);
    const turn = { operationId, named: true, attempt, written: stored !== undefined, kind: "last" } as const;
    const last = { operationId, lease: { token, after: "release" }, turn, ending: "stored" } as const;
    await (batch.encoded.length === 0 ? conversation.conclude(last) : conversation.append(batch, { ...last, fence }));
  } catch (error) {
    if (!isLangChainRedisError(error)) throw error;
    const retry = (): Promise<void> => storeByHand(conversation, begun, messages);
    throw new TurnNotStoredError({ output: messages, operationId, retry, cause: error });
  }
}

function isSame(own: SessionRef, other: SessionRef): boolean {
  return (
    own.userId === other.userId &&
    own.orgId === other.orgId &&
    own.agentId === other.agentId &&
    own.conversationId === other.conversationId
  );
}

/** Gives up in the background. The script then refuses a try that is still on its way. */
function leave({ connection, keys: place, channel }: AnswerPlace, keys: OwnerKeys, token: string): void {
  const { lease, holder, answer, events, successor } = place;
  void run(connection, leaveAnswerScript, {
    keys: { lease, holder, answer, events, successor, operation: keys.operation(token) },
    arguments: { digest: digestOf("answer", token), token, channel },
  }).catch(() => {});
}
