import { hash } from "node:crypto";
import type { Told } from "../../diagnostics/operations.js";
import type { Sealer } from "../sealing.js";
import { type About, type Refusal, refusalOf } from "../refusals.js";
import { UnexpectedReply } from "../replies.js";
import type { Value } from "../port.js";
import { type Argument, type Arguments, inOrder, type ListArgument, text } from "./arguments.js";
import type { Fragment } from "./fragment.js";
import { textOf } from "./text.js";

/** The keys of a script: name in the script, and what the key holds. */
type Keys = Readonly<Record<string, string>>;
/** A declaration that leaves something out. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- it has no names, which is what it means
type None = Readonly<Record<never, never>>;
/** Outcomes with what makes a value of the rest of the reply. */
type Outcomes = Readonly<Record<string, (...values: unknown[]) => object>>;

/**
 * Everything about a script, once. KEYS, ARGV, the locals, the header and the caller's types are made from it.
 */
export interface Declaration<
  K extends Keys,
  O extends Keys,
  A extends Arguments,
  E extends Outcomes,
  R extends Outcomes,
> {
  /** As errors and traces name it. */
  readonly name: string;
  /** What it does, for its header: plain sentences. */
  readonly about: string;
  /**
   * `"allow-oom"`: it ends or removes something, which must work above all when memory is short. `"no-writes"`: it only
   * reads. Without a flag, Redis refuses the script as a whole when memory is short.
   */
  readonly flags?: "allow-oom" | "no-writes";
  /** Every key that it touches, so that Redis Cluster can refuse it before its first write. Each is a local. */
  readonly keys: K;
  /** Keys that are there together or not at all. In the script each is a local, `nil` when it is absent. */
  readonly optionalKeys?: O;
  /** Each is a local. Lists come last. */
  readonly arguments: A;
  /** Outcomes of a write that took effect, now or when it first ran: a WAIT behind it has to be heard. */
  readonly effects?: E;
  /** Outcomes that changed nothing that counts, and are no error. */
  readonly answers?: R;
  /** Outcomes that are an error: `refusals.ts` says which. */
  readonly refusals?: readonly Refusal[];
  /**
   * The script has an effect that nothing records, because repeating it is harmless. An error then leaves the outcome
   * unknown. (A script with a key `operation` records its effect there.)
   */
  readonly unrecorded?: true;
  /**
   * The script writes what may be sealed. It has the locals `seal` and `dataKey`, and answers `stale-key` for a key that is
   * not the owner's: see scripts/fragments/data-key.ts.
   */
  readonly seals?: true;
  /** What observers count of an answer, such as the sessions that a limit ended. */
  readonly counts?: (answer: Answer<E> | Answer<R>) => Readonly<Record<string, number>>;
  readonly uses: readonly Fragment[];
  readonly lua: string;
}

const sealArgument = { seal: text('the data key that the writer seals with, "" for none') } as const;

type Encoded<A extends Arguments> = {
  readonly [Name in keyof A]: A[Name] extends Argument<infer Input>
    ? Input
    : A[Name] extends ListArgument
      ? readonly Value[]
      : never;
};

/** What a script is called with. */
export interface ScriptCall<KeyNames extends string, OptionalNames extends string, Sent> {
  readonly keys: { readonly [Name in KeyNames]: string } & { readonly [Name in OptionalNames]?: string | undefined };
  /** A function of what the call seals with, which is `undefined` where nothing is sealed or compressed. */
  readonly arguments: Sent | ((sealer: Sealer | undefined) => Sent);
  /** How long what it seals lives at most, in milliseconds; 0 for ever. A call that seals nothing keeps the key for it. */
  readonly sealedFor?: number | undefined;
}

type Answer<R extends Outcomes> = {
  readonly [Name in keyof R & string]: { readonly outcome: Name } & ReturnType<R[Name]>;
}[keyof R & string];

/** The keys and arguments of a call, as EVALSHA takes them. */
export interface SentArguments {
  readonly numberOfKeys: number;
  readonly keysAndArguments: Value[];
}

export interface Script<Call, Reply> {
  readonly name: string;
  readonly lua: string;
  readonly sha1: string;
  readonly unrecorded: boolean;
  /** Returns the keys and arguments of a call as EVALSHA takes them. */
  readonly encode: (call: Call, sealer?: Sealer) => SentArguments;
  /** Whether a call may seal something. */
  readonly seals: (call: Call) => boolean;
  /** Whether a call that seals nothing keeps the key of what is sealed. */
  readonly keeps: (call: Call) => boolean;
  /** Returns the key that the script found in place of the writer's, `""` for none; `undefined` when it was the same. */
  readonly foundKey: (reply: unknown) => string | undefined;
  /** Whether a write took effect, now or when it first ran. */
  readonly tookEffect: (reply: unknown) => boolean;
  /** What observers are told of an answer. */
  readonly told: (answer: Reply) => Told;
  /** @throws LangChainRedisError for a refusal; UnexpectedReply for a reply that is not the script's. */
  readonly answerOf: (reply: unknown, about: About) => Reply;
}

/** Any script, for what only sends it. */
export type AnyScript = Pick<Script<never, unknown>, "name" | "lua" | "sha1">;

/** An outcome that says all by its name. */
export function nothing(): object {
  return {};
}

export function defineScript<
  const K extends Keys,
  const A extends Arguments,
  const O extends Keys = None,
  const E extends Outcomes = None,
  const R extends Outcomes = None,
>(
  declaration: Declaration<K, O, A, E, R>,
): Script<ScriptCall<keyof K & string, keyof O & string, Encoded<A>>, Answer<E> | Answer<R>> {
  const { name, unrecorded = false, seals = false, effects = {}, answers = {}, refusals = [] } = declaration;
  const keyNames = Object.keys(declaration.keys);
  const optionalNames = Object.keys(declaration.optionalKeys ?? {});
  const outcomes: Outcomes = { ...effects, ...answers };
  // A program uses few of the scripts. Each is made when it is first sent, so that a cold start does not wait for all.
  let lua: string | undefined;
  let sha1: string | undefined;
  let encodeArguments: ReturnType<typeof encoderOf> | undefined;
  return {
    name,
    get lua() {
      return (lua ??= textOf(
        seals ? { ...declaration, arguments: { ...sealArgument, ...declaration.arguments } } : declaration,
      ));
    },
    get sha1() {
      return (sha1 ??= hash("sha1", this.lua));
    },
    unrecorded,
    encode: (call, sealer) => {
      const input = typeof call.arguments === "function" ? call.arguments(sealer) : call.arguments;
      const proof = seals ? sealer?.proof(call.sealedFor ?? 0) : undefined;
      const keys = call.keys as Readonly<Record<string, string | undefined>>;
      const sent: Value[] = [];
      for (const one of keyNames) sent.push(keys[one] as string);
      for (const one of optionalNames) if (keys[one] !== undefined) sent.push(keys[one]);
      const numberOfKeys = sent.length;
      if (numberOfKeys !== keyNames.length && numberOfKeys !== keyNames.length + optionalNames.length) {
        throw new TypeError(`${name}: keys are missing`);
      }
      if (proof !== undefined) sent.push(proof.dataKey);
      if (seals) sent.push(proof?.seal ?? "");
      encodeArguments ??= encoderOf(declaration.arguments);
      encodeArguments(input, sent);
      return { numberOfKeys: proof === undefined ? numberOfKeys : numberOfKeys + 1, keysAndArguments: sent };
    },
    seals: (call) => seals && typeof call.arguments === "function",
    keeps: (call) => seals && call.sealedFor !== undefined,
    foundKey: (reply) => (Array.isArray(reply) && reply[0] === "stale-key" ? String(reply[1]) : undefined),
    tookEffect: (reply) => Array.isArray(reply) && Object.hasOwn(effects, String(reply[0])),
    told: (answer) => ({ outcome: answer.outcome, counts: declaration.counts?.(answer) }),
    answerOf: (reply, about) => {
      if (!Array.isArray(reply)) throw new UnexpectedReply();
      const [first, ...values]: unknown[] = reply;
      const outcome = String(first);
      const parse = Object.hasOwn(outcomes, outcome) ? outcomes[outcome] : undefined;
      if (parse !== undefined) return { outcome, ...parse(...values) } as unknown as Answer<E> | Answer<R>;
      const refusal = refusals.find((one) => one === outcome);
      throw refusal === undefined ? new UnexpectedReply() : refusalOf(refusal, about, values);
    },
  };
}

/** Single arguments come first, then how long each list but the last is, then the items of the lists. */
function encoderOf(declared: Arguments): (input: Readonly<Record<string, unknown>>, sent: Value[]) => void {
  const { singles, lists } = inOrder(declared);
  return (input, sent) => {
    for (const [name, { encode }] of singles) sent.push(encode(input[name] as never));
    for (const [name] of lists.slice(0, -1)) sent.push(String((input[name] as readonly Value[]).length));
    // Not by spread: a list may have tens of thousands of items.
    for (const [name] of lists) for (const item of input[name] as readonly Value[]) sent.push(item);
  };
}
