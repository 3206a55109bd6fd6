import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { findFreePorts } from "../../../src/testing/servers/free-ports.js";

const run = promisify(execFile);
const PASSWORD = "a-password";

/** Whose process it is, where it is not the caller's. */
interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** A PostgreSQL server of its own, on loopback and in a temporary folder, which can be stopped and started again. */
export class Postgres implements AsyncDisposable {
  readonly url: string;
  readonly #port: number;
  readonly #folder: string;
  readonly #identity: Identity;
  #server: ChildProcess | undefined;

  private constructor(port: number, folder: string, identity: Identity) {
    this.url = `postgresql://bank:${PASSWORD}@127.0.0.1:${port}/postgres`;
    this.#port = port;
    this.#folder = folder;
    this.#identity = identity;
  }

  static async start(): Promise<Postgres> {
    const folder = mkdtempSync(path.join(tmpdir(), "postgres-"));
    const [port = 0] = await findFreePorts(1);
    const postgres = new Postgres(port, folder, await unprivileged());
    const { uid, gid } = postgres.#identity;
    const password = path.join(folder, "password");
    writeFileSync(password, PASSWORD, { mode: 0o600 });
    if (uid !== undefined && gid !== undefined) for (const place of [folder, password]) chownSync(place, uid, gid);
    const words = ["--username=bank", `--pwfile=${password}`, "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"];
    await run(program("initdb"), [...words, `--pgdata=${path.join(folder, "data")}`], {
      cwd: folder,
      ...postgres.#identity,
    });
    await postgres.goOn();
    return postgres;
  }

  /** Starts the server, also after `stop`. */
  async goOn(): Promise<void> {
    const data = path.join(this.#folder, "data");
    const words = ["-D", data, "-h", "127.0.0.1", "-p", String(this.#port), "-k", this.#folder];
    const server = spawn(program("postgres"), words, {
      cwd: this.#folder,
      stdio: ["ignore", "ignore", "pipe"],
      ...this.#identity,
    });
    this.#server = server;
    const log: string[] = [];
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: server.stderr }).on("line", (line) => {
        log.push(line);
        if (line.includes("database system is ready to accept connections")) resolve();
      });
      server.once("error", reject);
      server.once("exit", () => reject(new Error(`PostgreSQL ended:\n${log.join("\n")}`)));
    });
  }

  /** Ends the server as a crash does. What it has answered is in its log of writes. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const exit = once(server, "exit");
    server.kill("SIGQUIT"); // An immediate shutdown: its children end too, and nothing is written on the way.
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** PostgreSQL refuses to run as root. */
async function unprivileged(): Promise<Identity> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(["-u", "-g"].map((what) => run("id", [what, "nobody"])));
  return { uid: Number(uid?.stdout), gid: Number(gid?.stdout) };
}

/** Debian's packages put the programs of the server into a folder of their version, outside the PATH. */
function program(name: string): string {
  const folder = "/usr/lib/postgresql";
  try {
    const [version] = readdirSync(folder).toSorted((one, other) => Number(other) - Number(one));
    if (version !== undefined) return path.join(folder, version, "bin", name);
  } catch {
    // Another system, where they are on the PATH.
  }
  return name;
}
