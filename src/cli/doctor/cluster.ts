import { Cluster, type Redis } from "ioredis";
import { change, type Finding, ok, unknown } from "./finding.js";
import { isRefusal } from "./refusal.js";

/** Checks that a node serves every slot. */
export async function cluster(client: Redis | Cluster): Promise<Finding> {
  if (!(client instanceof Cluster)) return ok("not a Cluster");
  try {
    const info = await client.cluster("INFO");
    const slots = Number(/cluster_slots_ok:(\d+)/.exec(info)?.[1]);
    const found = `${client.nodes("master").length} primaries, ${slots} of 16384 slots served`;
    return info.includes("cluster_state:ok") && slots === 16_384
      ? ok(found)
      : change(found, "Look at CLUSTER NODES: a user whose slot no node serves is locked out.");
  } catch (error) {
    if (isRefusal(error)) return unknown("CLUSTER INFO is refused", "Allow CLUSTER INFO.");
    throw error;
  }
}
