import { setTimeout as pause } from "node:timers/promises";
import { RedisChatMessageHistory, type RedisClient } from "langchain-redis-sessions";
import type { Choices } from "../../sessions/support/seeded.js";
import { untilTrue } from "../../support/cluster-with-replicas.js";
import { report, type Row } from "./run.js";
import { TurnHistory, violations } from "./turn-history.js";
import { appendOnce, startWriters } from "./writers.js";

/** Writers that go on while servers come and go: for each number of replicas, some that wait for so many. */
export class FailoverLoad {
  readonly #histories: ReadonlyMap<number, TurnHistory>;
  readonly #running: readonly ReturnType<typeof startWriters>[];
  readonly #choices: Choices;
  #inTheGap = 0;

  /**
   * @param connect each writer has a connection of its own: one that waits for replicas holds up whatever follows it.
   * @param replicas 0: do not wait. That is the control.
   */
  constructor(
    connect: () => RedisClient,
    { writers, replicas, choices }: { writers: number; replicas: readonly number[]; choices: Choices },
  ) {
    const clients = new Map<string, RedisClient>();
    const clientOf = (conversation: string): RedisClient => {
      const client = clients.get(conversation) ?? connect();
      clients.set(conversation, client);
      return client;
    };
    this.#choices = choices;
    this.#histories = new Map(replicas.map((count) => [count, new TurnHistory()]));
    this.#running = [...this.#histories].map(([count, history]) =>
      startWriters(writers, (conversation, text) => {
        // One in ten stays unknown when it fails.
        const repetitions = choices.below(10) === 0 ? 0 : 10_000;
        const wait = count === 0 ? undefined : { replicas: count, timeout: 0.5 };
        const options = { client: clientOf(conversation), deadline: 2, wait };
        return appendOnce(text, { options, conversation, history, repetitions });
      }),
    );
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
   * Cuts, lets those that do not wait go on for 20 to 120 ms, and kills.
   *
   * @param there conversations on the server that is cut off; all of them when left out.
   */
  async cutAndKill(cut: () => void, kill: () => Promise<void>, there?: ReadonlySet<string>): Promise<void> {
    const acknowledged = (): number => this.#of(0).count("acknowledged", there);
    const before = acknowledged();
    cut();
    await pause(20 + this.#choices.below(100));
    await untilTrue(async () => acknowledged() > before, "the cut-off server acknowledges");
    await kill();
    this.#inTheGap += acknowledged() - before;
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
      const read = (sessionId: string) =>
        new RedisChatMessageHistory({ client, sessionId, deadline: "20s" }).getMessages();
      const verdict = await history.check(read);
      const violated = violations(count === all ? verdict : { ...verdict, lost: 0 });
      if (Object.keys(violated).length > 0) broken.push({ replicas: count, ...violated });
      if (count === 0) lostByControl = verdict.lost;
      const wait = count === 0 ? "off (control)" : `{ replicas: ${count} }`;
      report(section, { ...about, wait, ...verdict, "most lost in one": history.mostLost });
    }
    return { broken, lostByControl };
  }

  #of(replicas: number): TurnHistory {
    const history = this.#histories.get(replicas);
    if (history === undefined) throw new Error(`Nobody waits for ${replicas}.`);
    return history;
  }
}
