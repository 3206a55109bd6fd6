// Which of all combinations a run tries: in a long run each with each, else each once, in turns.
import { HumanMessage } from "@langchain/core/messages";
import type { Answer, Api, OutputVersion } from "./api.js";
import type { Endpoint } from "./endpoint.js";
import { inputAfter, type Kind, plainTalk } from "./talks.js";

export const isLong: boolean = process.env["LONG"] === "1";
export const timeout: number = isLong ? 600_000 : 60_000;

export interface Way {
  readonly version: OutputVersion;
  readonly how: "invoke" | "stream";
  readonly kind: Kind;
}

const all: readonly Way[] = (["v0", "v1"] as const).flatMap((version) =>
  (["invoke", "stream"] as const).flatMap((how) =>
    (["chain", "agent"] as const).map((kind) => ({ version, how, kind })),
  ),
);

/** In a short run chain and agent take turns. */
export const ways: readonly Way[] = isLong
  ? all
  : all.filter(({ version, how, kind }) => (kind === "chain") === ((version === "v0") === (how === "invoke")));

export const streamed: readonly Way[] = all.filter(({ how }) => how === "stream");

/** In a short run what stands at that place of as many, in turns. */
export function isTurn(index: number, turns: number, turn: number): boolean {
  return isLong || index % turns === turn % turns;
}

/** Behind the first event of each kind, and behind the last but one; in a long run behind every event. */
export function cutsOf({ frames }: Answer): number[] {
  const every = [0, ...frames.keys()].map((_, index) => index);
  if (isLong) return every;
  const firsts = new Set(frames.map(({ kind }) => frames.findIndex((frame) => frame.kind === kind) + 1));
  return [...new Set([...firsts, frames.length - 1])].toSorted((one, other) => one - other);
}

export function made({ answers, stopping }: Api, name: string): Answer {
  const make = answers[name] ?? stopping[name];
  if (make === undefined) throw new Error(`No answer is named ${name}.`);
  return make();
}

const tried = new Map<string, Promise<boolean>>();

/**
 * Whether a package can send its own answer back at all, from a history that was never stored. With output version 1 some
 * cannot: signatures and ids get lost when chunks are added up, or calls are sent twice.
 */
export async function takesBack(
  endpoint: Endpoint,
  api: Api,
  { version, how, name }: Pick<Way, "version" | "how"> & { readonly name: string },
): Promise<boolean> {
  // With output version 0 each package can.
  if (version === "v0") return true;
  const whole = name in api.stopping ? (api.alike[name] ?? "text") : name;
  const names = [...new Set(["text", whole])];
  const results = names.map((each) => {
    const key = JSON.stringify([api.name, version, how, each]);
    const result = tried.get(key) ?? tryBack(endpoint, api, { version, how, name: each });
    tried.set(key, result);
    return result;
  });
  return (await Promise.all(results)).every(Boolean);
}

async function tryBack(
  endpoint: Endpoint,
  api: Api,
  { version, how, name }: Pick<Way, "version" | "how"> & { readonly name: string },
): Promise<boolean> {
  const line = endpoint.open();
  const talk = plainTalk("chain", api.model(line.url, version));
  line.answer(made(api, name));
  try {
    const said = await talk.say([new HumanMessage("Hello")], { how });
    await talk.say(inputAfter(said, "And now?"), { how });
    await talk.say([new HumanMessage("Then?")], { how });
    return true;
  } catch {
    return false;
  }
}
