import type { BaseMessage } from "@langchain/core/messages";
import { HumanMessage } from "@langchain/core/messages";
import type { Answer, Api, OutputVersion } from "./api.js";
import type { Endpoint } from "./endpoint.js";
import { storedTalk, type Talk } from "./talks.js";

/** How a turn breaks off. */
export type Fault = "connection" | "failure" | "abort";
export const faults: readonly Fault[] = ["connection", "failure", "abort"];

interface Broken {
  readonly api: Api;
  readonly version: OutputVersion;
  readonly kind: "chain" | "agent";
  /** What the model answered before, within the turn: the call of a tool. */
  readonly before?: Answer | undefined;
  readonly answer: Answer;
  /** Behind which event the answer is cut; an abort comes with as many chunks. */
  readonly behind: number;
  readonly fault: Fault;
}

/**
 * Breaks off a turn, and says three more sentences.
 *
 * @returns what went wrong with these, and what was stored of the broken turn.
 */
export async function goesOn(endpoint: Endpoint, broken: Broken): Promise<string | undefined> {
  const { api, version, kind, before, answer, behind, fault } = broken;
  const line = endpoint.open();
  const talk = await storedTalk(kind, api.model(line.url, version));
  const stop = new AbortController();
  if (before !== undefined) line.answer(before);
  line.answer(answer, fault === "abort" ? undefined : { behind, by: fault });
  const read = (chunks: number): void => {
    if (fault === "abort" && chunks === behind) stop.abort();
  };
  await talk.say([new HumanMessage("Hello")], { how: "stream", signal: stop.signal, read }).catch(() => undefined);
  const kept = await keptSoon(talk);
  const asked = line.requests.length;
  const errors: string[] = [];
  for (const sentence of ["And now?", "Then?", "At last?"]) {
    await talk.say([new HumanMessage(sentence)], { how: "stream" }).catch((error: Error) => errors.push(error.message));
  }
  const { signed } = answer;
  const withoutSignature =
    signed !== undefined && fault !== "abort" && behind >= signed.from
      ? line.requests.slice(asked).filter(({ text }) => !text.includes(signed.signature)).length
      : 0;
  const wrong = [
    ...line.refusals,
    ...(line.refusals.length === 0 ? errors : []),
    ...(withoutSignature > 0 ? [`${withoutSignature} requests without the signature of what was thought`] : []),
  ];
  if (wrong.length === 0) return undefined;
  return `${answer.name}, cut behind ${behind} by ${fault}: ${wrong[0]} <= ${storedForm(kept)}`;
}

function storedForm(messages: readonly BaseMessage[]): string {
  return JSON.stringify(messages.map((message) => message.toDict()));
}

/** What is kept, once something is; nothing where the turn left nothing. */
async function keptSoon(talk: Talk): Promise<readonly BaseMessage[]> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const messages = await talk.kept();
    if (messages.length > 0) return messages;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return [];
}
