import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = path.join(import.meta.dirname, "../../..");

const compilerOptions = {
  strict: true,
  module: "nodenext",
  target: "es2023",
  types: ["node"],
  noEmit: true,
  skipLibCheck: true,
};

/** A project of a reader's, made anew, beside the packages that are installed here. */
export class Site {
  readonly folder: string;

  /** @param name of the project, or the path of its folder */
  constructor(name: string, files: ReadonlyMap<string, string> = new Map()) {
    this.folder = path.resolve(import.meta.dirname, "../.site", name);
    rmSync(this.folder, { recursive: true, force: true });
    this.write("package.json", '{ "type": "module" }');
    for (const [file, content] of files) this.write(file, content);
  }

  write(file: string, content: string): void {
    const place = path.join(this.folder, file);
    mkdirSync(path.dirname(place), { recursive: true });
    writeFileSync(place, content);
  }

  /** Returns what the compiler says about the project: nothing if all types are right. */
  async typeErrors(more: Readonly<Record<string, unknown>> = {}): Promise<string> {
    this.write(
      "tsconfig.json",
      JSON.stringify({ compilerOptions: { ...compilerOptions, ...more }, include: ["**/*.ts"] }),
    );
    const compiler = path.join(root, "node_modules/.bin/tsc");
    return run(compiler, ["-p", this.folder]).then(
      ({ stdout }) => stdout,
      ({ stdout, stderr }: { stdout: string; stderr: string }) => stdout + stderr,
    );
  }

  /** Runs a program of the project to its end. */
  async run(
    words: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<{ stdout: string; stderr: string }> {
    return run(process.execPath, words, { cwd: this.folder, env: { ...process.env, ...environment } });
  }

  /** Runs commands of a page, and returns what they print. */
  async shell(commands: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
    const env = { ...process.env, ...environment };
    return (await run("sh", ["-eu", "-c", commands], { cwd: this.folder, env })).stdout;
  }
}
