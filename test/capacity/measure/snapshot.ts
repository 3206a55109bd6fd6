import { stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Redis } from "ioredis";
import { info } from "./info.js";
import type { Server } from "./server.js";

/** What a snapshot of a node's data takes on disk; an append-only file begins with the same. */
export async function snapshotBytes({ redis, nodes: [node] }: Server): Promise<number | undefined> {
  // In a container the file is out of reach.
  if (redis.source !== "process" || node === undefined) return undefined;
  const settings = await configOf(node, "dir", "dbfilename");
  await node.bgsave();
  for (;;) {
    const persistence = await info(node, "persistence");
    if (persistence["rdb_bgsave_in_progress"] === 0) break;
    await pause(100);
  }
  const { size } = await stat(path.join(settings["dir"] ?? "", settings["dbfilename"] ?? ""));
  return size;
}

async function configOf(node: Redis, ...names: string[]): Promise<Readonly<Record<string, string>>> {
  const values = await Promise.all(
    names.map(async (name) => {
      const reply = (await node.config("GET", name)) as unknown;
      const value = Array.isArray(reply) ? (reply as string[])[1] : (reply as Record<string, string>)[name];
      return [name, value ?? ""] as const;
    }),
  );
  return Object.fromEntries(values);
}
