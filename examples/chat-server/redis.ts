import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { startRedis } from "langchain-redis-sessions/testing";

// The Redis of REDIS_URL, or else one of our own that keeps its data in a folder.

export interface ServiceRedis {
  readonly url: string;
  /** For people. */
  readonly description: string;
  readonly stop: () => Promise<void>;
}

export async function openRedis({ url, folder }: { url: string | undefined; folder: string }): Promise<ServiceRedis> {
  if (url !== undefined) return { url, description: "yours, of REDIS_URL", stop: () => Promise.resolve() };
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
