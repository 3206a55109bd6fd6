// What a client sends on its own account when it comes back; a fault for "any command" is meant for the user's.
const HANDSHAKE_COMMANDS = new Set(["AUTH", "CLIENT", "CLUSTER", "COMMAND", "HELLO", "INFO", "READONLY", "SELECT"]);

/** One order to spoil replies, and how far it has been carried out. */
export interface ReplyFault {
  /** Upper-case names; `undefined`: every command but those of a handshake. */
  readonly commands: ReadonlySet<string> | undefined;
  /** Bytes of the reply that still pass; 0 drops it. */
  readonly passedBytes: number;
  /** Replies still to be spoiled, those in `assigned` included. */
  remaining: number;
  /** Requests that are on their way with this fault in store. */
  assigned: number;
}

/** The faults that were ordered for replies, over all connections of a proxy. */
export class ReplyFaults {
  readonly #ordered = new Set<ReplyFault>();
  #struck = 0;

  /** How many replies were spoiled. */
  get struck(): number {
    return this.#struck;
  }

  order(commands: ReadonlySet<string> | undefined, passedBytes: number, count: number): void {
    this.#ordered.add({ commands, passedBytes, remaining: count, assigned: 0 });
  }

  /** The fault for the reply to this request, if one is due. */
  assign(command: string): ReplyFault | undefined {
    for (const fault of this.#ordered) {
      if (fault.assigned < fault.remaining && matches(fault, command)) {
        fault.assigned += 1;
        return fault;
      }
    }
    return undefined;
  }

  /** `false` once the fault was cancelled while the request was on its way. */
  isActive(fault: ReplyFault): boolean {
    return this.#ordered.has(fault);
  }

  strike(fault: ReplyFault): void {
    this.#struck += 1;
    fault.assigned -= 1;
    fault.remaining -= 1;
    if (fault.remaining === 0) this.#ordered.delete(fault);
  }

  /** The connection ended before the reply: the fault waits for the next matching request. */
  release(fault: ReplyFault): void {
    fault.assigned -= 1;
  }

  cancel(): void {
    this.#ordered.clear();
  }
}

function matches({ commands }: ReplyFault, command: string): boolean {
  return commands === undefined ? !HANDSHAKE_COMMANDS.has(command) : commands.has(command);
}
