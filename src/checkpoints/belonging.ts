import { joined } from "../options/digest.js";
import type { Belonging } from "../redis/sealing.js";

// The place that each part of a thread is sealed for. A sealed part opens in no other place.

/**
 * A node's name is a keyed hash of its content, so a node that is sealed for its name cannot be replaced by another.
 */
export function ofNode(thread: string, name: string): Belonging {
  return { kind: "node", within: joined(thread, name) };
}

/** A channel of a checkpoint, and the version that the checkpoint has of it. */
interface Version {
  readonly channel: string;
  readonly version: string;
}

/** The channels of a checkpoint and their versions are authenticated with it, so that none can be taken away. */
export function ofCheckpoint(
  thread: string,
  { place, parent }: { readonly place: string; readonly parent: string },
  versions: readonly Version[],
): Belonging {
  const table = versions.flatMap(({ channel, version }) => [channel, version]);
  return { kind: "checkpoint", within: joined("rest", thread, place, parent, ...table) };
}

export function ofMetadata(thread: string, place: string): Belonging {
  return { kind: "checkpoint", within: joined("metadata", thread, place) };
}

/** A value is not sealed for its checkpoint, because the checkpoints that follow share the value until it changes. */
export function ofValue(thread: string, { channel, version }: Version): Belonging {
  return { kind: "checkpoint", within: joined("value", thread, channel, version) };
}

export function ofWrite(
  thread: string,
  { place, task }: { readonly place: string; readonly task: string },
  { index, channel }: { readonly index: string; readonly channel: string },
): Belonging {
  return { kind: "write", within: joined(thread, place, task, index, channel) };
}
