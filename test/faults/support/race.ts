import { SessionStore } from "langchain-redis-sessions";
import { ownerKeys, ownerTag } from "../../../src/redis/keys.js";
import type { Client } from "../../support/topologies.js";
import { type LineProcess, startLineProcess } from "../../support/line-process.js";
import type { Address } from "../../support/start-servers.js";
import type { Row } from "./run.js";

const program = new URL("racing-process.ts", import.meta.url);

/** What each process of a race is told. */
export interface RaceOrder {
  /** One Redis, or the nodes of a Cluster. */
  readonly addresses: readonly Address[];
  readonly keyPrefix: string;
  readonly owners: readonly string[];
  readonly limit: number;
  /** How many things it does at once. */
  readonly lanes: number;
  readonly seed: number;
  readonly how: "store" | "plain commands";
  /** The client of the store. */
  readonly by: "ioredis" | "node-redis";
}

/** What a process has done, or is about to do. */
export type RaceEvent =
  | { readonly name: "begin" | "refused"; readonly text: string }
  | {
      readonly name: string;
      readonly sessionId: string;
      readonly userId: string;
      /** The sessions that it ended. */
      readonly ended: readonly string[];
      /** Microseconds of the machine's clock. */
      readonly began: number;
      readonly done: number;
      /** Milliseconds since 1970, when it was done. */
      readonly at: number;
      /** Of a turn. */
      readonly text?: string;
    };

/** What is known of a session: what came of it, and when the first was told that it had ended. */
interface Known {
  lastUse: number;
  ended: number;
  endedAt: number;
}

interface Turn {
  sessionId: string;
  outcome: "unknown" | "acknowledged" | "refused";
}

/** Processes that race, are killed and replaced, and what each of them saw. */
export class Race {
  readonly #order: RaceOrder;
  readonly #sessions = new Map<string, Known>();
  readonly #turns = new Map<string, Turn>();
  readonly #running = new Set<LineProcess>();
  readonly #reading: Promise<void>[] = [];
  operations = 0;
  kills = 0;
  #started = 0;

  constructor(order: RaceOrder) {
    this.#order = order;
  }

  start(): void {
    const racing = startLineProcess(program);
    this.#running.add(racing);
    racing.say({ ...this.#order, seed: this.#order.seed + this.#started++ });
    this.#reading.push(this.#read(racing));
  }

  /** SIGKILL, to one of them and by its id; another takes its place. */
  async killOne(place: number): Promise<void> {
    const racing = [...this.#running][place % this.#running.size];
    if (racing === undefined) return;
    this.#running.delete(racing);
    await racing.stop();
    this.kills += 1;
    this.start();
  }

  async finish(): Promise<void> {
    await Promise.all([...this.#running].map(({ stop }) => stop()));
    await Promise.all(this.#reading);
  }

  async #read(racing: LineProcess): Promise<void> {
    for (;;) {
      let event: RaceEvent;
      try {
        event = (await racing.hear()) as RaceEvent;
      } catch {
        // Killed; its last line may be cut.
        if (this.#running.has(racing) && this.operations === 0) throw new Error("A racing process could not begin.");
        return;
      }
      this.#note(event);
    }
  }

  #note(event: RaceEvent): void {
    if (!("sessionId" in event)) {
      if (event.name === "begin") this.#turns.set(event.text, { sessionId: "", outcome: "unknown" });
      else {
        this.operations += 1;
        const turn = this.#turns.get(event.text);
        if (turn) turn.outcome = "refused";
      }
      return;
    }
    this.operations += 1;
    const { name, sessionId, ended, began, done, at, text } = event;
    // To end one that has ended is no use of it: it returned false.
    if (sessionId !== "" && name !== "end" && name !== "endById") {
      const known = this.#known(sessionId);
      known.lastUse = Math.max(known.lastUse, began);
    }
    for (const id of ended) {
      const known = this.#known(id);
      known.ended = Math.min(known.ended, done);
      known.endedAt = Math.min(known.endedAt, at);
    }
    if (name === "append" && text !== undefined) this.#turns.set(text, { sessionId, outcome: "acknowledged" });
  }

  #known(id: string): Known {
    const known = this.#sessions.get(id) ?? { lastUse: 0, ended: Infinity, endedAt: Infinity };
    this.#sessions.set(id, known);
    return known;
  }

  /** Counts what must not be, in what was told and in what is stored: the entries of every list, oldest first. */
  violations(lists: readonly (readonly string[])[]): Row {
    const found = new Set<string>();
    let [torn, doubled, resurrected, late] = [0, 0, 0, 0];
    for (const entries of lists) {
      const stored = entries.map((entry) => JSON.parse(entry) as { data: { content: string }; at: number });
      for (let index = 0; index < stored.length; index++) {
        const { data, at } = stored[index] ?? { data: { content: "" }, at: 0 };
        const turn = this.#turns.get(data.content);
        if (turn === undefined || stored[index + 1]?.data.content !== `re: ${data.content}`) {
          torn += 1;
          continue;
        }
        index += 1;
        if (found.has(data.content)) doubled += 1;
        found.add(data.content);
        if (turn.outcome === "refused") resurrected += 1;
        if ((stored[index]?.at ?? at) > (this.#sessions.get(turn.sessionId)?.endedAt ?? Infinity)) late += 1;
      }
    }
    const used = [...this.#sessions.values()].filter(({ lastUse, ended }) => lastUse > ended).length;
    return { "used after the end": used, "stored after the end": late, torn, doubled, resurrected };
  }
}

/** The entries of all lists of messages below a prefix. */
export async function storedLists(client: Client, keyPrefix: string): Promise<string[][]> {
  return Promise.all((await listsBelow(client, keyPrefix)).map((key) => client.lrange(key, 0, -1)));
}

/** The same where they are sealed: each list is opened by the library. One that it does not find is an error. */
export async function openedLists(
  client: Client,
  { keyPrefix, owners }: Pick<RaceOrder, "keyPrefix" | "owners">,
): Promise<string[][]> {
  const { conversations } = new SessionStore({ client, keyPrefix, deadline: "30s" });
  const keys = await listsBelow(client, keyPrefix);
  const lists = owners.map(async (userId) => {
    const { base } = ownerKeys(keyPrefix, ownerTag(userId, undefined));
    const own = keys.filter((key) => key.startsWith(`${base}:messages:`));
    const exported = own.map((key) => conversations.export({ userId }, key.slice(`${base}:messages:`.length)));
    return (await Promise.all(exported)).map(({ messages }) =>
      messages.map(({ at, ...message }) => JSON.stringify({ ...message, at: Date.parse(at) })),
    );
  });
  return (await Promise.all(lists)).flat();
}

async function listsBelow(client: Client, keyPrefix: string): Promise<string[]> {
  const nodes = "nodes" in client ? client.nodes("master") : [client];
  return (await Promise.all(nodes.map((node) => node.keys(`${keyPrefix}:user:*:messages:*`)))).flat();
}
