import type { Value } from "../port.js";

/** One argument of a script: what it is, how it is sent, and how the script reads it. */
export interface Argument<Input> {
  readonly about: string;
  readonly encode: (input: Input) => Value;
  /** The Lua that makes a local of it; `argument` is where it is in ARGV. */
  readonly local: (argument: string) => string;
}

/** Several arguments of a script, as many as a call has. In the script a table. */
export interface ListArgument {
  readonly about: string;
  readonly list: true;
}

export type Arguments = Readonly<Record<string, Argument<never> | ListArgument>>;

type Named<One> = readonly (readonly [name: string, one: One])[];

/** Returns the arguments in the order of ARGV: single ones, and then the lists. */
export function inOrder(declared: Arguments): { singles: Named<Argument<never>>; lists: Named<ListArgument> } {
  const all = Object.entries(declared);
  return {
    singles: all.flatMap(([name, one]) => ("list" in one ? [] : [[name, one] as const])),
    lists: all.flatMap(([name, one]) => ("list" in one ? [[name, one] as const] : [])),
  };
}

const asIs = (argument: string): string => argument;

/** In the script a string. */
export function text(about: string): Argument<Value> {
  return { about, encode: (input) => input, local: asIs };
}

/** In the script a number. */
export function number(about: string): Argument<number> {
  return { about, encode: String, local: (argument) => `tonumber(${argument})` };
}

/** In the script a boolean. */
export function flag(about: string): Argument<boolean> {
  return { about, encode: (input) => (input ? "1" : ""), local: (argument) => `${argument} == "1"` };
}

/** In the script one of the words, a string. */
export function oneOf<const Word extends string>(words: readonly Word[], about: string): Argument<Word> {
  const choice = words.map((word) => JSON.stringify(word)).join(" | ");
  return { about: about === "" ? choice : `${choice}: ${about}`, encode: (input) => input, local: asIs };
}

/** In the script a table of strings. */
export function texts(about: string): ListArgument {
  return { about, list: true };
}
