/** Stands for a stored value that cannot be opened. The decoder throws an error for it, or leaves it out. */
export class Unreadable {
  /** Continues "…: ". */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
