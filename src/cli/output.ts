import { once } from "node:events";
import { visibleJson, visibleLine } from "./visible.js";

/** A column of a table. It is as wide as what is usually in it, because rows are printed as they are found. */
export interface Column {
  readonly title: string;
  readonly width: number;
}

/** What goes to stdout: tables and lines for people, or JSON for programs. */
export class Output {
  readonly format: "text" | "json";

  constructor(format: "text" | "json") {
    this.format = format;
  }

  /** Writes a text as it is. It waits while the reader of a pipe is slow. */
  async write(text: string): Promise<void> {
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
  }

  /**
   * Writes one line, in which nothing can move a cursor.
   *
   * @param mark stands in front. It is written as it is, because it may be coloured.
   */
  line(text: string, mark = ""): Promise<void> {
    return this.write(`${mark}${visibleLine(text)}\n`);
  }

  /** Prints what a command did: in words, or as JSON. */
  result(value: unknown, words: string): Promise<void> {
    return this.format === "json" ? this.json(value) : this.line(words);
  }

  /** Says to people that there is nothing. For programs, nothing is printed. */
  async nothing(text: string): Promise<void> {
    if (this.format === "text") await this.line(text);
  }

  /** Writes one object as JSON, in one line. */
  json(value: unknown): Promise<void> {
    return this.write(`${visibleJson(value)}\n`);
  }

  /** Prints each record: as JSON, or as a row, with the titles of the columns before the first. Returns how many there were. */
  async table<Row>(
    columns: readonly Column[],
    rows: AsyncIterable<Row> | Iterable<Row>,
    cellsOf: (row: Row) => readonly string[],
  ): Promise<number> {
    let count = 0;
    for await (const row of rows) {
      if (this.format === "json") await this.json(row);
      else {
        if (count === 0)
          await this.#row(
            columns,
            columns.map(({ title }) => title),
          );
        await this.#row(columns, cellsOf(row));
      }
      count++;
    }
    return count;
  }

  #row(columns: readonly Column[], cells: readonly string[]): Promise<void> {
    const padded = columns.map(({ width }, index) => visibleLine(cells[index] ?? "").padEnd(width));
    return this.write(`${padded.join("  ").trimEnd()}\n`);
  }
}

/** Returns a time as a cell shows it; "?" where the record has lost it. */
export function timeCell(time: Date): string {
  return Number.isNaN(time.getTime()) ? "?" : `${time.toISOString().slice(0, 19)}Z`;
}
