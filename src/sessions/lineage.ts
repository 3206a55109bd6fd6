import { randomBytes } from "node:crypto";
import { ConversationChangedError } from "../errors.js";
import type { Sealer } from "../redis/sealing.js";

/** A conversation that begins anew that often while it is written to is not one that can be written to. */
const MAX_SETTLED = 3;

export interface StaleLineage {
  readonly outcome: "stale-lineage";
  readonly found: string;
}

function isStale(reply: { readonly outcome: string }): reply is StaleLineage {
  return reply.outcome === "stale-lineage";
}

/**
 * The lineage of a conversation, to which its messages and its title are sealed. It is a random field of the conversation's
 * record. A fork inherits it, and a conversation that begins anew has another one.
 */
export class Lineage {
  #id = "";
  #isKnown = false;

  /** Names it in what is sealed. As long as no record was seen, it is a new one. */
  get id(): string {
    if (this.#id === "") this.#id = randomBytes(12).toString("hex");
    return this.#id;
  }

  /** That of the record, once it was read. */
  get known(): string | undefined {
    return this.#isKnown ? this.#id : undefined;
  }

  /** What a script checks, as redis/scripts/fragments/lineage.ts reads it; `""` when nothing is sealed. */
  argumentFor(sealer: Sealer | undefined): string {
    return sealer === undefined || sealer.isPlain ? "" : `${this.id} ${this.#isKnown ? "known" : "new"}`;
  }

  /** Sends, and sends again when the record proves to have another one: twice when that changed meanwhile. */
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

  /** The record has this one, or none (`""`). */
  found(id: string): void {
    if (id === "" && !this.#isKnown) return;
    this.#id = id;
    this.#isKnown = id !== "";
  }
}
