import { InvalidOptionError } from "../errors.js";
import type { Value } from "../redis/port.js";
import type { Sealer } from "../redis/sealing.js";
import { ofNode } from "./belonging.js";
import type { KnownNodes } from "./known-nodes.js";
import { namingOf } from "./names.js";
import { sealed } from "./parts.js";
import type { Encode, Encoded } from "./values.js";

/**
 * The largest put in bytes. Node.js cannot build a command of more than about 512 MB, and a put of this size already
 * keeps Redis busy for a while.
 */
const MAX_PUT_BYTES = 134_217_728;

/** The thread whose nodes are sent. */
export interface SendingThread {
  /** The `thread_id`. */
  readonly id: string;
  /** The key of the thread in `known`. */
  readonly key: string;
  readonly known: KnownNodes;
  readonly maxValueBytes: number;
}

/** The data that one attempt to store sends. */
export interface Prepared {
  readonly encoded: Encoded;
  /** Names and contents of the nodes to send, in turn. */
  readonly fresh: readonly Value[];
}

/** The nodes of one put. Each attempt names and seals them anew, because its key may differ. */
export class NodeSending {
  readonly #thread: SendingThread;
  readonly #encode: Encode;
  #last: { readonly by: string; readonly encoded: Encoded; readonly names: readonly string[] } | undefined;
  #sendsAll = false;

  constructor(thread: SendingThread, encode: Encode) {
    this.#thread = thread;
    this.#encode = encode;
  }

  /** Returns the nodes that Redis is not known to have. */
  prepare(sealer: Sealer | undefined): Prepared {
    const { id, key, known, maxValueBytes } = this.#thread;
    const naming = namingOf(sealer, id);
    const encoded = this.#last?.by === naming.by ? this.#last.encoded : this.#encode(naming);
    const { all } = encoded.nodes;
    // After a change of the key, Redis has none of the new names, so all nodes are sent.
    const names = [...all.keys()].filter((name) => this.#sendsAll || !known.has(key, name));
    this.#last = { by: naming.by, encoded, names };
    const contents = names.map((name) => all.get(name) ?? "");
    checkSize([...contents, ...encoded.apart], maxValueBytes);
    const fresh = names.flatMap((name, index) => [name, sealed(sealer, contents[index] ?? "", ofNode(id, name))]);
    return { encoded, fresh };
  }

  /**
   * Sends the nodes that Redis is not known to have. If one of the others is missing, sends all of them.
   *
   * @returns false if something is still missing.
   */
  async store(send: () => Promise<{ readonly outcome: "stored" | "incomplete" }>): Promise<boolean> {
    const { key, known } = this.#thread;
    let { outcome } = await send();
    if (
      outcome === "incomplete" &&
      this.#last !== undefined &&
      this.#last.names.length < this.#last.encoded.nodes.all.size
    ) {
      this.#sendsAll = true;
      ({ outcome } = await send());
      known.forget(key);
    }
    if (outcome === "stored") known.add(key, this.#last?.names ?? []);
    else known.forget(key);
    return outcome === "stored";
  }
}

function checkSize(contents: readonly string[], maxValueBytes: number): void {
  let sum = 0;
  for (const content of contents) {
    // A UTF-16 code unit takes at most three bytes, so a short text needs no exact count.
    const bytes = content.length * 3 <= maxValueBytes ? content.length : Buffer.byteLength(content);
    if (bytes > maxValueBytes) {
      throw new InvalidOptionError(
        "checkpoint",
        `a part of a value takes ${bytes} bytes, and maxValueBytes is ${maxValueBytes}. Keep large content elsewhere, or raise maxValueBytes.`,
      );
    }
    sum += bytes;
  }
  if (sum > MAX_PUT_BYTES) {
    throw new InvalidOptionError("checkpoint", `its values take ${sum} bytes; use at most 128 MiB.`);
  }
}
