import type { Channels } from "../redis/channels.js";
import type { AnswerKeys, LeaseKeys } from "../redis/keys.js";
import type { Connection } from "../redis/send.js";

/** The place of a conversation's answers, and the session on whose behalf they are written or followed. */
export interface AnswerPlace {
  readonly connection: Connection;
  readonly channels: Channels;
  /** The Pub/Sub channel of the conversation's answers. */
  readonly channel: string;
  readonly keys: AnswerKeys &
    LeaseKeys & {
      readonly record: string;
      /** The index of the owner's sessions. */
      readonly index: string;
      readonly conversation: string;
      readonly messages: string;
    };
  readonly sessionId: string;
  readonly conversationId: string;
  /** The time that the conversation lives after its last turn. */
  readonly ttlMilliseconds: number;
}
