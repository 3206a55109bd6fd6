const WIDTH = 30;

/** Shows a person how far a run is: a bar and the time left on a terminal, else one line a step. */
export class Progress {
  readonly #steps: number;
  readonly #started = performance.now();
  #begun = 0;
  /** Of the present step, which is called `#name`. */
  #part = 0;
  #name = "";

  constructor(steps: number) {
    this.#steps = steps;
  }

  begin(name: string): void {
    this.#begun += 1;
    this.#part = 0;
    this.#name = name;
    if (process.stderr.isTTY) this.#draw();
    else process.stderr.write(`${this.#percentage()} ${name}\n`);
  }

  /** The present step has come so much farther: all its parts are 1. */
  advance(part: number): void {
    this.#part += part;
    if (process.stderr.isTTY) this.#draw();
  }

  end(): void {
    if (process.stderr.isTTY) process.stderr.write("\r\u001B[2K");
  }

  #draw(): void {
    const part = this.#done;
    const full = Math.round(part * WIDTH);
    const bar = "█".repeat(full) + "░".repeat(WIDTH - full);
    process.stderr.write(`\r\u001B[2K${bar} ${this.#percentage()} ${this.#timeLeft(part)}  ${this.#name}`);
  }

  get #done(): number {
    return (this.#begun - 1 + Math.min(1, this.#part)) / this.#steps;
  }

  #percentage(): string {
    return `${Math.floor(this.#done * 100)} %`.padStart(5);
  }

  #timeLeft(part: number): string {
    // A first guess would be off by minutes.
    if (part < 0.01) return "…".padEnd(9);
    const seconds = Math.ceil((((performance.now() - this.#started) / 1_000) * (1 - part)) / part);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")} left`;
  }
}
