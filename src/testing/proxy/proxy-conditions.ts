import { ReplyFaults } from "./reply-faults.js";

/** The current faults of a proxy, and the number of requests on all its links. */
export class ProxyConditions {
  readonly faults: ReplyFaults = new ReplyFaults();
  delayMilliseconds = 0;
  blackholed = false;
  readonly #requests = new Map<string, number>();

  countRequest(command: string): void {
    this.#requests.set(command, this.requestsNamed(command) + 1);
  }

  requestsNamed(command: string): number {
    return this.#requests.get(command) ?? 0;
  }

  get requests(): number {
    return [...this.#requests.values()].reduce((sum, count) => sum + count, 0);
  }

  heal(): void {
    this.faults.cancel();
    this.delayMilliseconds = 0;
    this.blackholed = false;
  }
}
