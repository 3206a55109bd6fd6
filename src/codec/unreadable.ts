/** Stands for a stored value that cannot be opened. Whoever decodes it throws, or leaves it out. */
export class Unreadable {
  /** Continues "…: ". */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
