import type { Cluster, Redis } from "ioredis";
import { expect } from "vitest";

/** A Cluster whose slots are moved by hand. */
export interface MovingCluster {
  readonly client: Cluster;
  /** A connection to each node. */
  readonly nodes: readonly Redis[];
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
}

/** A slot on its way from one node to another. */
export class Move {
  readonly #cluster: MovingCluster;
  readonly #slot: number;
  readonly #ids: string[];
  readonly #from: number;
  readonly #to: number;

  private constructor(cluster: MovingCluster, slot: number, ids: string[], from: number, to: number) {
    this.#cluster = cluster;
    this.#slot = slot;
    this.#ids = ids;
    this.#from = from;
    this.#to = to;
  }

  static async begin(cluster: MovingCluster, key: string): Promise<Move> {
    const { client, nodes } = cluster;
    const slot = await client.cluster("KEYSLOT", key);
    const ids = await Promise.all(nodes.map((node) => node.cluster("MYID")));
    const held = await Promise.all(nodes.map((node) => node.cluster("COUNTKEYSINSLOT", slot)));
    const from = held.findIndex((count) => count > 0);
    const move = new Move(cluster, slot, ids, from, (from + 1) % nodes.length);
    await move.#target.cluster("SETSLOT", slot, "IMPORTING", ids[from] ?? "");
    await move.#source.cluster("SETSLOT", slot, "MIGRATING", ids[move.#to] ?? "");
    return move;
  }

  get #source(): Redis {
    return this.#cluster.nodes[this.#from] ?? expect.unreachable();
  }

  get #target(): Redis {
    return this.#cluster.nodes[this.#to] ?? expect.unreachable();
  }

  async take(keys: readonly string[]): Promise<void> {
    const { host, port } = this.#cluster.addresses[this.#to] ?? expect.unreachable();
    if (keys.length > 0) await this.#source.migrate(host, port, "", 0, 5_000, "KEYS", ...keys);
  }

  async finish(): Promise<void> {
    const rest = await this.#source.cluster("GETKEYSINSLOT", this.#slot, 1_000);
    await this.take(rest);
    for (const node of [this.#target, this.#source, ...this.#cluster.nodes]) {
      await node.cluster("SETSLOT", this.#slot, "NODE", this.#ids[this.#to] ?? "");
    }
    // The client follows the first MOVED that it meets.
  }

  /** What is stored, wherever it is by now. */
  async stored(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const node of [this.#source, this.#target]) {
      const keys = await node.cluster("GETKEYSINSLOT", this.#slot, 1_000);
      for (const key of keys) {
        // A slot that is on its way in answers after ASKING only, which holds for one command.
        const replies = (await node.pipeline([["asking"], ["dumpBuffer", key]]).exec()) ?? [];
        const [, dump] = replies[1] ?? expect.unreachable();
        found[key] = (dump as Buffer).toString("base64");
      }
    }
    return found;
  }
}
