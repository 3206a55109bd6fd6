import { joined } from "../options/digest.js";
import type { Belonging } from "../redis/sealing.js";

// What a part of a thread is sealed for. It opens nowhere else.

/** The name is a keyed hash, so a node is what its name says. */
export function ofNode(thread: string, name: string): Belonging {
  return { kind: "node", within: joined(thread, name) };
}

/** A channel of a checkpoint that was stored with it. */
interface Version {
  readonly channel: string;
  readonly version: string;
}

/** A checkpoint says which channels it has, and which of their versions, so that none can be taken away. */
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

/** Not of its checkpoint: the ones that follow have the same value until it changes. */
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
