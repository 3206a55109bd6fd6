import { readFileSync } from "node:fs";
import path from "node:path";

/** A page of the documentation: its files, and its commands. */
export class Page {
  /** What the page says is in each file. */
  readonly files: ReadonlyMap<string, string>;
  /** The blocks of commands, in the order of the page. */
  readonly commands: readonly string[];
  readonly text: string;

  constructor(file: string) {
    this.text = readFileSync(path.join(import.meta.dirname, "../../../docs", file), "utf8");
    const fences = [...this.text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(({ index, 1: kind, 2: code = "" }) => ({
      name: /`([^`]+)`:\n\n$/.exec(this.text.slice(0, index))?.[1],
      kind,
      code,
    }));
    this.commands = fences.flatMap(({ kind, code }) => (kind === "sh" ? [code] : []));
    const programs = fences.filter(({ kind }) => kind !== "sh" && kind !== "text");
    this.files = new Map(
      programs.map(({ name, code }) => {
        if (name === undefined) throw new Error(`The line before this program of ${file} names no file:\n${code}`);
        return [name, code];
      }),
    );
    if (this.files.size !== programs.length) throw new Error(`${file} has two files of one name.`);
  }

  file(name: string): string {
    const found = this.files.get(name);
    if (found === undefined) throw new Error(`The page has no ${name}.`);
    return found;
  }

  /** Returns the block of commands that begins like this. */
  command(beginning: string): string {
    const found = this.commands.find((code) => code.startsWith(beginning));
    if (found === undefined) throw new Error(`The page has no commands that begin with ${beginning}`);
    return found;
  }

  /** The packages that the page tells its reader to install. */
  get installed(): readonly string[] {
    return this.commands
      .flatMap((code) => [...code.replaceAll("\\\n", "").matchAll(/^npm install (.*)$/gm)])
      .flatMap(([, words = ""]) => words.split(/\s+/))
      .filter((word) => word !== "" && !word.startsWith("-"));
  }

  /** The packages that the files of the page import. */
  get imported(): readonly string[] {
    const names = [...this.files.values()].flatMap((code) =>
      [...code.matchAll(/(?:from |import |import\(|require\()"([^"]+)"/g)].map(([, name = ""]) => name),
    );
    const packages = names
      .filter((name) => !name.startsWith(".") && !name.startsWith("node:") && !name.startsWith("@/"))
      .map((name) => name.split("/", name.startsWith("@") ? 2 : 1).join("/"));
    return [...new Set(packages)];
  }
}
