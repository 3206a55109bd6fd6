import type { BaseChatModel } from "@langchain/core/language_models/chat_models";

/** An event of a stream, as it goes over the wire. */
export interface Frame {
  readonly bytes: string | Uint8Array;
  /** What kind of event it is: cuts behind the first of each kind stand for all cuts. */
  readonly kind: string;
}

/** What a provider answers to one request. */
export interface Answer {
  readonly name: string;
  /** The body of the complete answer. */
  readonly whole: string;
  /** The same answer as a stream. */
  readonly frames: readonly Frame[];
  /** What later requests have to hold when the answer was cut behind that many events, or later: a signature. */
  readonly signed?: { readonly signature: string; readonly from: number } | undefined;
  /** Items that the provider keeps once the answer is complete, and later requests may refer to. */
  readonly kept?: readonly string[] | undefined;
}

export type Answers = Readonly<Record<string, () => Answer>>;

export type OutputVersion = "v0" | "v1";

/** A provider's API: what the package sends it is answered or refused as the provider does. */
export interface Api {
  readonly name: string;
  /** A model of the real package, at that address. */
  readonly model: (url: string, outputVersion: OutputVersion) => BaseChatModel;
  /** Answers of every kind that the provider takes back; each is made anew, with ids of its own. */
  readonly answers: Answers;
  /** Complete answers that the provider does not take back as they are, or not with whatever follows. */
  readonly stopping: Answers;
  /** Of those that stop, which answer is made of the same kinds of blocks; "text" where none is named. */
  readonly alike: Readonly<Record<string, string>>;
  readonly isStream: (path: string, body: never) => boolean;
  /** Why the provider refuses the request. */
  readonly refusal: (body: never, kept: ReadonlySet<string>) => string | undefined;
  /** The provider's error body, with its headers. */
  readonly refuse: (reason: string) => { readonly body: string; readonly headers?: Readonly<Record<string, string>> };
  /** The event with which the provider says, within a stream, that something went wrong. */
  readonly failure: Frame;
  readonly streamType: string;
}

/** A rule: for a request that breaks it, the words with which the provider refuses it. */
export type Rule<Body> = (body: Body) => string | undefined;

export function firstRefusal<Body>(rules: readonly Rule<Body>[], body: Body): string | undefined {
  for (const rule of rules) {
    const reason = rule(body);
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** The first reason that is found among the items. */
export function findReason<Item>(
  items: readonly Item[],
  reasonOf: (item: Item, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const reason = reasonOf(item, index);
    if (reason !== undefined) return reason;
  }
  return undefined;
}
