import type { Value } from "../port.js";

/** One argument of a script: its meaning, how it is sent, and how the script reads it. */
export interface Argument<Input> {
  readonly about: string;
  readonly encode: (input: Input) => Value;
  /** Returns the Lua expression for the local. `argument` is its place in ARGV. */
  readonly local: (argument: string) => string;
}

/** A list of arguments, of any length. In the script it is a table. */
export interface ListArgument {
  readonly about: string;
  readonly list: true;
}

export type Arguments = Readonly<Record<string, Argument<never> | ListArgument>>;

type Named<One> = readonly (readonly [name: string, one: One])[];

/** Returns the arguments in the order of ARGV: single ones first, then the lists. */
export function inOrder(declared: Arguments): { singles: Named<Argument<never>>; lists: Named<ListArgument> } {
  const all = Object.entries(declared);
  return {
    singles: all.flatMap(([name, one]) => ("list" in one ? [] : [[name, one] as const])),
    lists: all.flatMap(([name, one]) => ("list" in one ? [[name, one] as const] : [])),
  };
}

const asIs = (argument: string): string => argument;

/** Declares an argument that is a string in the script. */
export function text(about: string): Argument<Value> {
  return { about, encode: (input) => input, local: asIs };
}

/** Declares an argument that is a number in the script. */
export function number(about: string): Argument<number> {
  return { about, encode: String, local: (argument) => `tonumber(${argument})` };
}

/** Declares an argument that is a boolean in the script. */
export function flag(about: string): Argument<boolean> {
  return { about, encode: (input) => (input ? "1" : ""), local: (argument) => `${argument} == "1"` };
}

/** Declares an argument that is one of the words, a string in the script. */
export function oneOf<const Word extends string>(words: readonly Word[], about: string): Argument<Word> {
  const choice = words.map((word) => JSON.stringify(word)).join(" | ");
  return { about: about === "" ? choice : `${choice}: ${about}`, encode: (input) => input, local: asIs };
}

/** Declares a list that is a table of strings in the script. */
export function texts(about: string): ListArgument {
  return { about, list: true };
}
