// A client sends these commands by itself when it connects. A fault for any command means the caller's commands only.
const HANDSHAKE_COMMANDS = new Set(["AUTH", "CLIENT", "CLUSTER", "COMMAND", "HELLO", "INFO", "READONLY", "SELECT"]);

/** One ordered fault, and how many of its replies are left. */
export interface ReplyFault {
  /** The commands, in upper case. `undefined` means every command except those of a handshake. */
  readonly commands: ReadonlySet<string> | undefined;
  /** The number of bytes of the reply that pass. `0` drops the reply. */
  readonly passedBytes: number;
  /** The number of replies that are left to cut, including those in `assigned`. */
  remaining: number;
  /** The number of requests that have this fault assigned and no reply yet. */
  assigned: number;
}

/** The reply faults of all connections of a proxy. */
export class ReplyFaults {
  readonly #ordered = new Set<ReplyFault>();
  #struck = 0;

  /** The number of replies that were dropped or cut. */
  get struck(): number {
    return this.#struck;
  }

  order(commands: ReadonlySet<string> | undefined, passedBytes: number, count: number): void {
    this.#ordered.add({ commands, passedBytes, remaining: count, assigned: 0 });
  }

  /** Assigns a fault to the reply of this request and returns the fault, or `undefined` if none applies. */
  assign(command: string): ReplyFault | undefined {
    for (const fault of this.#ordered) {
      if (fault.assigned < fault.remaining && matches(fault, command)) {
        fault.assigned += 1;
        return fault;
      }
    }
    return undefined;
  }

  /** Returns `false` if the fault has been cancelled or carried out. */
  isActive(fault: ReplyFault): boolean {
    return this.#ordered.has(fault);
  }

  strike(fault: ReplyFault): void {
    this.#struck += 1;
    fault.assigned -= 1;
    fault.remaining -= 1;
    if (fault.remaining === 0) this.#ordered.delete(fault);
  }

  /** Returns a fault whose connection ended before the reply. The next matching request may get the fault. */
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
