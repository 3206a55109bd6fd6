import { setTimeout as pause } from "node:timers/promises";
import type { RedisClient } from "langchain-redis-sessions";
import type { Choices } from "../../sessions/support/seeded.js";
import { untilTrue } from "../../support/cluster-with-replicas.js";
import { report, type Row } from "./run.js";
import { TurnHistory, violations } from "./turn-history.js";
import { histories, type TurnLog, type TurnPlace } from "./turn-places.js";
import { startWriters, storeOnce } from "./writers.js";

/** Writers that go on while servers come and go: for each number of replicas, some that wait for so many. */
export class FailoverLoad {
  readonly #histories: ReadonlyMap<number, TurnHistory>;
  readonly #running: readonly ReturnType<typeof startWriters>[];
  readonly #place: TurnPlace;
  #inTheGap = 0;

  /**
   * @param connect each writer has a connection of its own: one that waits for replicas holds up whatever follows it.
   * @param replicas 0: do not wait. That is the control.
   * @param place what they write to.
   */
  constructor(
    connect: () => RedisClient,
    {
      writers,
      replicas,
      choices,
      place = histories,
    }: { writers: number; replicas: readonly number[]; choices: Choices; place?: TurnPlace },
  ) {
    const logs = new Map<string, TurnLog>();
    const logOf = (conversation: string, count: number): TurnLog => {
      const wait = count === 0 ? undefined : { replicas: count, timeout: 0.5 };
      const log = logs.get(conversation) ?? place.open({ client: connect(), deadline: 2, wait });
      logs.set(conversation, log);
      return log;
    };
    this.#place = place;
    this.#histories = new Map(replicas.map((count) => [count, new TurnHistory()]));
    this.#running = [...this.#histories].map(([count, history]) =>
      startWriters(writers, (conversation, text) => {
        // One in ten stays unknown when it fails.
        const repetitions = choices.below(10) === 0 ? 0 : 10_000;
        return storeOnce(text, { log: logOf(conversation, count), conversation, history, repetitions });
      }),
    );
  }

  /** What the writers write to. */
  get place(): TurnPlace {
    return this.#place;
  }

  /** Those of the writers that wait for so many replicas; 0: the control's. */
  conversations(replicas: number): readonly string[] {
    return this.#of(replicas).conversations;
  }

  /** More was acknowledged to those that wait for so many. */
  async goesOn(...replicas: readonly number[]): Promise<void> {
    await Promise.all(
      replicas.map(async (count) => {
        const enough = this.#of(count).count("acknowledged") + 20;
        await untilTrue(async () => this.#of(count).count("acknowledged") > enough, "writes go on");
      }),
    );
  }

  /** What is lost from now on is counted as lost in this failover. */
  beginFailover(): void {
    for (const history of this.#histories.values()) history.beginChapter();
  }

  /**
   * The time between the cut and the end of the server that is cut off begins.
   *
   * @param there conversations on that server; all of them when left out.
   */
  beginGap(there?: ReadonlySet<string>): Gap {
    const acknowledged = (): number => this.#of(0).count("acknowledged", there);
    const before = acknowledged();
    return {
      goesOn: async () => {
        // The first acknowledgement of a conversation may be of a write that was replicated before the cut.
        const enough = acknowledged() + (there ?? new Set(this.#of(0).conversations)).size;
        await untilTrue(async () => acknowledged() > enough, "the cut-off server acknowledges");
      },
      end: () => {
        this.#inTheGap += acknowledged() - before;
      },
    };
  }

  /** How many turns were acknowledged to the control between the cuts and the ends of the killed. */
  get acknowledgedInTheGap(): number {
    return this.#inTheGap;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map(({ stop }) => stop()));
  }

  /**
   * Reads everything, and reports it.
   *
   * @param all how many replicas there are: what all of them have is there, whichever is promoted.
   * @returns what was broken that should hold: never twice or in part, and not lost for those that wait for all; and how
   *   much was lost by those that do not wait.
   */
  async tell(
    section: string,
    { client, all, about }: { client: RedisClient; all: number; about: Row },
  ): Promise<{ broken: readonly Row[]; lostByControl: number }> {
    const broken: Row[] = [];
    let lostByControl = 0;
    for (const [count, history] of this.#histories) {
      const { read } = this.#place.open({ client, deadline: "20s" });
      const verdict = await history.check(read);
      const violated = violations({
        ...verdict,
        lost: count === all ? verdict.lost : 0,
        disordered: this.#place.isReordered === true ? 0 : verdict.disordered,
      });
      if (Object.keys(violated).length > 0) broken.push({ replicas: count, ...violated });
      if (count === 0) lostByControl = verdict.lost;
      const wait = count === 0 ? "off (control)" : `{ replicas: ${count} }`;
      report(section, {
        ...about,
        "written to": this.#place.name,
        wait,
        ...verdict,
        "most lost in one": history.mostLost,
      });
    }
    return { broken, lostByControl };
  }

  #of(replicas: number): TurnHistory {
    const history = this.#histories.get(replicas);
    if (history === undefined) throw new Error(`Nobody waits for ${replicas}.`);
    return history;
  }
}

/** While a server is cut off. */
interface Gap {
  /** More was acknowledged there to those that do not wait. */
  readonly goesOn: () => Promise<void>;
  readonly end: () => void;
}

/**
 * Cuts, lets those that do not wait go on for 20 to 120 ms, and kills.
 *
 * @param thereOf conversations on the server that is cut off; all of them when left out.
 */
export async function cutAndKill(
  loads: readonly FailoverLoad[],
  cut: () => void,
  kill: () => Promise<void>,
  { choices, thereOf }: { choices: Choices; thereOf?: (load: FailoverLoad) => ReadonlySet<string> | undefined },
): Promise<void> {
  const gaps = loads.map((load) => load.beginGap(thereOf?.(load)));
  cut();
  await pause(20 + choices.below(100));
  await Promise.all(gaps.map((gap) => gap.goesOn()));
  await kill();
  for (const gap of gaps) gap.end();
}
