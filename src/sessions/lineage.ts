import { randomUUID } from "node:crypto";
import { ConversationChangedError } from "../errors.js";
import type { Sealer } from "../redis/sealing.js";

/** The most repetitions of one write. A conversation that begins anew more often meanwhile is being changed by others. */
const MAX_SETTLED = 3;

export interface StaleLineage {
  readonly outcome: "stale-lineage";
  readonly found: string;
}

function isStale(reply: { readonly outcome: string }): reply is StaleLineage {
  return reply.outcome === "stale-lineage";
}

/**
 * The lineage of a conversation, to which its messages and its title are sealed. It is a random id in the conversation's
 * record. A fork inherits it, and a conversation that begins anew gets another one.
 */
export class Lineage {
  #id = "";
  #isKnown = false;

  /** The id to seal with. A new one, as long as no record was read. */
  get id(): string {
    // From the random bytes that Node keeps for UUIDs: a write that seals nothing makes an id too.
    if (this.#id === "") this.#id = randomUUID().replaceAll("-", "").slice(0, 24);
    return this.#id;
  }

  /** The id in the record, once it was read. */
  get known(): string | undefined {
    return this.#isKnown ? this.#id : undefined;
  }

  /** Returns the argument that redis/scripts/fragments/lineage.ts checks, or `""` if nothing is sealed. */
  argumentFor(sealer: Sealer | undefined): string {
    return sealer === undefined || sealer.isPlain ? "" : `${this.id} ${this.#isKnown ? "known" : "new"}`;
  }

  /**
   * Sends a write, and sends it again if the record turns out to have another lineage.
   *
   * @throws ConversationChangedError if the lineage keeps changing.
   */
  async settle<Reply extends { readonly outcome: string }>(
    send: () => Promise<Reply | StaleLineage>,
  ): Promise<Exclude<Reply, StaleLineage>> {
    for (let left = MAX_SETTLED; ; left--) {
      const reply = await send();
      if (!isStale(reply)) return reply as Exclude<Reply, StaleLineage>;
      if (left === 0) throw new ConversationChangedError();
      this.found(reply.found);
    }
  }

  /** Notes the lineage that the record has. `""` if it has none. */
  found(id: string): void {
    if (id === "" && !this.#isKnown) return;
    this.#id = id;
    this.#isKnown = id !== "";
  }
}
