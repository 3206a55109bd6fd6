// What was asked for, what was said to have happened, and what is there: do they go together?
import type { BaseMessage } from "@langchain/core/messages";
import type { Row } from "./run.js";

type Outcome = "acknowledged" | "indeterminate" | "refused";

interface IssuedTurn {
  readonly conversation: string;
  readonly text: string;
  readonly began: number;
  /** Infinity: never acknowledged. */
  ended: number;
  outcome: Outcome;
  readonly chapter: number;
}

/** How many turns broke which promise; all are 0 where the promises were kept. */
export interface Verdict {
  readonly issued: number;
  readonly acknowledged: number;
  readonly indeterminate: number;
  readonly refused: number;
  /** Acknowledged, and not there. */
  readonly lost: number;
  /** There more than once. */
  readonly doubled: number;
  /** There in part. */
  readonly torn: number;
  /** Refused, and there all the same. */
  readonly resurrected: number;
  /** Begun after another one was acknowledged, and in front of it. */
  readonly disordered: number;
  /** There, and never asked for. */
  readonly foreign: number;
}

/** Turns are told apart by their texts, which are therefore all different. */
export class TurnHistory {
  readonly #turns = new Map<string, IssuedTurn>();
  readonly #counts = { acknowledged: 0, indeterminate: 0, refused: 0 };
  readonly #losses: number[] = [0];
  #clock = 0;

  /** What is issued from now on is told apart from what was issued before: see `mostLost`. */
  beginChapter(): void {
    this.#losses.push(0);
  }

  /** As `check()` found it: how many turns were lost in the chapter that lost most. */
  get mostLost(): number {
    return Math.max(...this.#losses);
  }

  /** Call the result with what came of it; a turn without an outcome is indeterminate. */
  issue(conversation: string, text: string): (outcome: Outcome) => void {
    if (this.#turns.has(text)) throw new Error(`${text} was issued before.`);
    const issued: IssuedTurn = {
      conversation,
      text,
      began: ++this.#clock,
      ended: Infinity,
      outcome: "indeterminate",
      chapter: this.#losses.length - 1,
    };
    this.#turns.set(text, issued);
    this.#counts.indeterminate += 1;
    return (outcome) => {
      this.#counts[issued.outcome] -= 1;
      this.#counts[outcome] += 1;
      issued.outcome = outcome;
      if (outcome === "acknowledged") issued.ended = ++this.#clock;
    };
  }

  get conversations(): readonly string[] {
    return [...new Set([...this.#turns.values()].map(({ conversation }) => conversation))];
  }

  /** @param of the conversations to count in; all of them when left out. */
  count(outcome: Outcome, of?: ReadonlySet<string>): number {
    if (of === undefined) return this.#counts[outcome];
    return [...this.#turns.values()].filter((turn) => turn.outcome === outcome && of.has(turn.conversation)).length;
  }

  /** @param read what is stored of a conversation, as turns of `text` and `re: text`. */
  async check(read: (conversation: string) => Promise<readonly BaseMessage[]>): Promise<Verdict> {
    const found = new Map<string, number>();
    let [torn, disordered, foreign] = [0, 0, 0];
    for (const conversation of this.conversations) {
      const stored = (await read(conversation)).map(({ text }) => text);
      let latest = 0;
      for (let index = 0; index < stored.length; index++) {
        const text = stored[index] ?? "";
        const turn = this.#turns.get(text);
        if (turn === undefined || turn.conversation !== conversation) {
          if (this.#turns.has(text.replace(/^re: /, ""))) torn += 1;
          else foreign += 1;
          continue;
        }
        if (stored[index + 1] === `re: ${text}`) index += 1;
        else torn += 1;
        found.set(text, (found.get(text) ?? 0) + 1);
        if (turn.ended < latest) disordered += 1;
        latest = Math.max(latest, turn.began);
      }
    }
    for (const { outcome, text, chapter } of this.#turns.values()) {
      if (outcome === "acknowledged" && !found.has(text)) this.#losses[chapter] = (this.#losses[chapter] ?? 0) + 1;
    }
    const broken = (outcome: Outcome, wrong: (times: number) => boolean): number =>
      [...this.#turns.values()].filter((turn) => turn.outcome === outcome && wrong(found.get(turn.text) ?? 0)).length;
    return {
      issued: this.#turns.size,
      acknowledged: this.count("acknowledged"),
      indeterminate: this.count("indeterminate"),
      refused: this.count("refused"),
      lost: broken("acknowledged", (times) => times === 0),
      doubled: [...found.values()].filter((times) => times > 1).length,
      torn,
      resurrected: broken("refused", (times) => times > 0),
      disordered,
      foreign,
    };
  }
}

/** Of a verdict, the promises that were broken. */
export function violations({ lost, doubled, torn, resurrected, disordered, foreign }: Verdict): Row {
  const counts = { lost, doubled, torn, resurrected, disordered, foreign };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** Returns the sums of several verdicts. */
export function added<Counted extends Verdict>(verdicts: readonly Counted[]): Counted {
  const names = Object.keys(verdicts[0] ?? {}) as (keyof Verdict)[];
  const sum = (name: keyof Verdict): number => verdicts.reduce((total, verdict) => total + verdict[name], 0);
  return Object.fromEntries(names.map((name) => [name, sum(name)])) as unknown as Counted;
}
