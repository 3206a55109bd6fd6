// Savers of other packages, for comparison: `node test/prepare.mjs --savers` installs them here, and nothing else needs them.
import { existsSync } from "node:fs";
import path from "node:path";
import type { BaseCheckpointSaver } from "@langchain/langgraph-checkpoint";
import type { Redis } from "ioredis";
import { standIn } from "./stand-in.js";

export const OFFICIAL = "@langchain/langgraph-checkpoint-redis";
export const SQLITE = "@langchain/langgraph-checkpoint-sqlite";

/** Whether the packages are installed. */
export const installed: boolean = existsSync(path.join(import.meta.dirname, "node_modules", OFFICIAL));

/** LangGraph's Redis saver, on a Redis that has none of the modules that it needs. */
export async function officialSaver(client: Redis): Promise<BaseCheckpointSaver> {
  const { RedisSaver } = (await imported(OFFICIAL)) as { RedisSaver: new (client: object) => BaseCheckpointSaver };
  return new RedisSaver(standIn(client));
}

/** LangGraph's SQLite saver, in memory. */
export async function sqliteSaver(): Promise<BaseCheckpointSaver & { readonly db: Sqlite }> {
  const { SqliteSaver } = (await imported(SQLITE)) as {
    SqliteSaver: { fromConnString(name: string): BaseCheckpointSaver & { readonly db: Sqlite } };
  };
  return SqliteSaver.fromConnString(":memory:");
}

/** What is used of a database of better-sqlite3. */
interface Sqlite {
  pragma(name: string, options: { readonly simple: true }): number;
}

/** The compiler does not ask for a package whose name it is not told. */
function imported(name: string): Promise<unknown> {
  return import(name) as Promise<unknown>;
}
