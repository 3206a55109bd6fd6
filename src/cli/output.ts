import { once } from "node:events";
import { visibleJson, visibleLine } from "./visible.js";

/** A column of a table. Its width fits the usual content, because rows are printed as they are found. */
export interface Column {
  readonly title: string;
  readonly width: number;
}

/** Writes to stdout: tables and lines for people, or JSON for programs. */
export class Output {
  readonly format: "text" | "json";

  constructor(format: "text" | "json") {
    this.format = format;
  }

  /** Writes a text as it is. Waits for a slow reader of a pipe. */
  async write(text: string): Promise<void> {
    if (!process.stdout.write(text)) await once(process.stdout, "drain");
  }

  /**
   * Writes one line, in which no character can move the cursor.
   *
   * @param mark text to put in front. It is written as it is, because it may be coloured.
   */
  line(text: string, mark = ""): Promise<void> {
    return this.write(`${mark}${visibleLine(text)}\n`);
  }

  /** Writes the result of a command, in words or as JSON. */
  result(value: unknown, words: string): Promise<void> {
    return this.format === "json" ? this.json(value) : this.line(words);
  }

  /** Writes to people that there is nothing. Writes nothing for programs. */
  async nothing(text: string): Promise<void> {
    if (this.format === "text") await this.line(text);
  }

  /** Writes one object as a line of JSON. */
  json(value: unknown): Promise<void> {
    return this.write(`${visibleJson(value)}\n`);
  }

  /** Writes each record as JSON, or as a row of a table with a title line. Returns the number of records. */
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

/** Returns a time in the form of a cell, or "?" if the record has lost the time. */
export function timeCell(time: Date): string {
  return Number.isNaN(time.getTime()) ? "?" : `${time.toISOString().slice(0, 19)}Z`;
}
