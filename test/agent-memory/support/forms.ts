import { randomBytes } from "node:crypto";
import { type Keyring, keyring } from "../../../src/encryption/keyring.js";
import { onOneRedis, topologies, type Topology, withNodeRedis } from "../../support/topologies.js";

/** Returns a ring with a key of its own. */
export function freshRing(options: { seal?: boolean; acceptPlaintext?: boolean } = {}): Keyring {
  return keyring({ current: "a", keys: { a: randomBytes(32) }, ...options });
}

/** Rings with the same key: one that seals, one that does not yet. Both read both. */
export function ringsOfSwitching(): { sealing: Keyring; plain: Keyring } {
  const options = { current: "a", keys: { a: randomBytes(32) } };
  return {
    sealing: keyring({ ...options, acceptPlaintext: true }),
    plain: keyring({ ...options, seal: false }),
  };
}

/** How values are stored: readable, or sealed. What holds of one holds of the other. */
export interface Form {
  readonly form: "plain" | "sealed";
  readonly encryption: Keyring | undefined;
}

const sealed: Form = { form: "sealed", encryption: freshRing() };
export const forms: readonly Form[] = [{ form: "plain", encryption: undefined }, sealed];

export type Place = Topology & Form;

/** Every topology, and those on which it matters that values are bytes. */
export const places: readonly Place[] = [
  ...[...topologies, ...withNodeRedis].map(({ name, connect }): Place => ({
    name,
    connect,
    form: "plain",
    encryption: undefined,
  })),
  ...[onOneRedis, ...topologies.slice(1, 2), ...topologies.slice(-1)].map(({ name, connect }): Place => ({
    name: `${name}, sealed`,
    connect,
    form: sealed.form,
    encryption: sealed.encryption,
  })),
];
