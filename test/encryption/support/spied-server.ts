import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { findFreePorts } from "../../../src/testing/servers/free-ports.js";
import { OwnServer } from "../../support/own-server.js";

/** A server of which everything is seen that others could see: its commands, its dump, its append-only file. */
export class SpiedServer {
  readonly client: Redis;
  readonly #server: OwnServer;
  readonly #folder: string;
  readonly #commands: string[] = [];
  readonly #monitor: Redis;

  private constructor(server: OwnServer, folder: string, client: Redis, monitor: Redis) {
    this.#server = server;
    this.#folder = folder;
    this.client = client;
    this.#monitor = monitor;
    monitor.on("monitor", (_time: string, args: string[]) => this.#commands.push(args.join(" ")));
  }

  static async start(): Promise<SpiedServer> {
    const [port = 0] = await findFreePorts(1);
    const folder = mkdtempSync(path.join(tmpdir(), "spied-"));
    const server = new OwnServer(port, ["--rdbcompression", "no"]);
    // The last one counts, and the folder is where the files are looked for.
    await server.start("--dir", folder, "--appendonly", "yes", "--appendfsync", "always");
    const client = new Redis(port);
    // A command that is shown together with the reply to MONITOR is one that ioredis has not asked for.
    await client.ping();
    return new SpiedServer(server, folder, client, await client.monitor());
  }

  /** Returns which of the words can be seen, and where. */
  async showing(words: readonly string[]): Promise<string[]> {
    await this.client.ping("all before this was seen");
    while (!this.#commands.some((command) => command.includes("all before this was seen"))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.client.save();
    const commands = Buffer.from(this.#commands.join("\n"));
    const files = readdirSync(this.#folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    const places: [string, Buffer][] = [
      ["MONITOR", commands],
      ...files.map((file): [string, Buffer] => [
        file.name.endsWith(".aof") ? "AOF" : file.name.endsWith("dump.rdb") ? "RDB" : file.name,
        readFileSync(path.join(file.parentPath, file.name)),
      ]),
    ];
    return places.flatMap(([place, bytes]) =>
      words.filter((word) => bytes.includes(word)).map((word) => `${place}: ${word}`),
    );
  }

  /** Returns the dump, as a backup has it. */
  async dump(): Promise<Buffer> {
    await this.client.save();
    return readFileSync(path.join(this.#folder, "dump.rdb"));
  }

  async stop(): Promise<void> {
    this.#monitor.disconnect();
    this.client.disconnect();
    await this.#server.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
