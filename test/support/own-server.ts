import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { startSupervised, type SupervisedServer } from "../../src/testing/servers/supervised-server.js";

/** A server on a port of its own, which can be killed and come back there. */
export class OwnServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  readonly #folder = mkdtempSync(path.join(tmpdir(), "own-server-"));
  readonly #settings: readonly string[];
  #server: SupervisedServer | undefined;

  constructor(port: number, settings: readonly string[]) {
    this.port = port;
    this.#settings = settings;
  }

  async start(...more: readonly string[]): Promise<void> {
    const program = await findServerProgram();
    if (program === undefined) throw new Error("This needs a server program on the PATH.");
    const own = ["--port", String(this.port), "--bind", this.host, "--dir", this.#folder, "--save", ""];
    const command = [program, ...own, ...this.#settings, ...more];
    this.#server = await startSupervised({ command, temporaryFolder: undefined });
  }

  /** To this server alone, by its id. */
  signal(signal: NodeJS.Signals): void {
    if (this.#server) process.kill(this.#server.pid, signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.#server?.stop();
    this.#server = undefined;
  }

  async remove(): Promise<void> {
    if (this.#server) await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
