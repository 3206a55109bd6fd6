const WIDTH = 30;

/** Shows a person how far a run is: a bar and the time left on a terminal, else one line a step. */
export class Progress {
  readonly #total: number;
  readonly #started = performance.now();
  #done = 0;
  #step = "";

  /** @param total in any unit: `advance()` is told parts of it. */
  constructor(total: number) {
    this.#total = total;
  }

  begin(step: string): void {
    this.#step = step;
    if (process.stderr.isTTY) this.#draw();
    else process.stderr.write(`${this.#percentage()} ${step}\n`);
  }

  advance(amount: number): void {
    this.#done = Math.min(this.#total, this.#done + amount);
    if (process.stderr.isTTY) this.#draw();
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\u001B[2K");
  }

  #draw(): void {
    const part = this.#done / this.#total;
    const full = Math.round(part * WIDTH);
    const bar = "█".repeat(full) + "░".repeat(WIDTH - full);
    process.stderr.write(`\r\u001B[2K${bar} ${this.#percentage()} ${this.#timeLeft(part)}  ${this.#step}`);
  }

  #percentage(): string {
    return `${Math.floor((this.#done / this.#total) * 100)} %`.padStart(5);
  }

  #timeLeft(part: number): string {
    // A first guess would be off by minutes.
    if (part < 0.01) return "…".padEnd(9);
    const seconds = Math.ceil((((performance.now() - this.#started) / 1_000) * (1 - part)) / part);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
  }
}
