import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Redis } from "ioredis";
import { startRedis } from "langchain-redis-sessions/testing";
import type { Log } from "./log.js";

// The Redis of REDIS_URL, or else one of our own that keeps its data in a folder.

export interface ServiceRedis {
  readonly url: string;
  /** For people. */
  readonly description: string;
  readonly stop: () => Promise<void>;
}

export async function openRedis({ url, folder }: { url: string | undefined; folder: string }): Promise<ServiceRedis> {
  if (url !== undefined) {
    // Not the URL itself, which may hold a password.
    const { hostname, port } = new URL(url);
    const description = `yours, ${hostname}:${port || 6379} (REDIS_URL)`;
    return { url, description, stop: () => Promise.resolve() };
  }
  const unlock = await lock(folder);
  try {
    // Append-only, each write on disk before it is acknowledged.
    const redis = await startRedis({ dataDir: path.join(folder, "redis") });
    return {
      url: redis.url,
      description: `one of its own, which keeps everything in ${folder}`,
      stop: async () => {
        await redis.stop();
        await unlock();
      },
    };
  } catch (error) {
    await unlock();
    throw error;
  }
}

/** Resolves at the end of a client's first attempt to connect: to why it failed, or to nothing. */
export function firstFailure(client: Redis): Promise<string | undefined> {
  return new Promise((resolve) => {
    client.once("ready", () => resolve(undefined));
    client.once("error", (error) => resolve(codeOf(error)));
    client.once("close", () => resolve("closed"));
  });
}

/** Notes that Redis is away, and that it is back. While it is away several attempts a second fail: one line a minute. */
export function noteConnections(clients: readonly Redis[], log: Log): void {
  let noted = Number.NEGATIVE_INFINITY;
  for (const client of clients) {
    client.on("error", (error) => {
      if (performance.now() - noted < 60_000) return;
      noted = performance.now();
      log({ level: "error", event: "redis connection", code: codeOf(error) });
    });
    client.on("ready", () => {
      if (noted === Number.NEGATIVE_INFINITY) return;
      noted = Number.NEGATIVE_INFINITY;
      log({ level: "info", event: "redis connected" });
    });
  }
}

/** The system's code, or what Redis refused with: NOAUTH, say. Not the message: it may hold what was sent. */
function codeOf(error: Error & { readonly code?: unknown }): string {
  if (typeof error.code === "string") return error.code;
  return /\b[A-Z]{3,}\b/.exec(error.message)?.[0] ?? "unknown";
}

export class FolderTakenError extends Error {
  override readonly name = "FolderTakenError";
}

/** Two servers that append to the same file would ruin it. */
async function lock(folder: string): Promise<() => Promise<void>> {
  const file = path.join(folder, "lock");
  await mkdir(folder, { recursive: true });
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: "wx" });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = Number(await readFile(file, "utf8").catch(() => ""));
    if (holder !== process.pid && isRunning(holder)) {
      throw new FolderTakenError(
        `Another chat server (process ${holder}) keeps its data in ${folder}. Stop it, or choose another folder: ` +
          `DATA_DIR=.data-2 npm start. If it is no chat server, remove ${file}.`,
      );
    }
    await rm(file, { force: true });
  }
}

function isRunning(processId: number): boolean {
  if (!Number.isInteger(processId) || processId <= 0) return false;
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
