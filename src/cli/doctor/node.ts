import type { Redis } from "ioredis";
import { isRefusal } from "./refusal.js";

/** The information that a node gives about itself. Empty where Redis refuses it. */
export interface Node {
  /** The fields of INFO. */
  readonly info: ReadonlyMap<string, string>;
  /** The settings of CONFIG GET that a check looks at. */
  readonly config: ReadonlyMap<string, string>;
}

const SETTINGS = ["appendfsync", "save", "min-replicas-to-write"];

/** Reads the information of a node. Leaves out what an ACL or a provider forbids, so that other checks can go on. */
export async function readNode(client: Redis): Promise<Node> {
  const info = await client.info().catch(nothingWhenRefused);
  const lines = info?.matchAll(/^(\w+):(.*?)\r?$/gm) ?? [];
  const config = await Promise.all(SETTINGS.map((name) => settingOf(client, name)));
  return {
    info: new Map([...lines].map(([, name = "", value = ""]) => [name, value])),
    config: new Map(config.flat()),
  };
}

async function settingOf(client: Redis, name: string): Promise<[name: string, value: string][]> {
  const reply = await client.call("config", "get", name).catch(nothingWhenRefused);
  const value: unknown = Array.isArray(reply) ? reply[1] : undefined;
  return typeof value === "string" ? [[name, value]] : [];
}

function nothingWhenRefused(error: unknown): undefined {
  if (!isRefusal(error)) throw error;
}
