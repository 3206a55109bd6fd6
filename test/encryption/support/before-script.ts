import { beforeScriptsOn } from "../../support/before-scripts.js";
import type { Client } from "../../support/topologies.js";

/** A client that does something else in front of the first script that names a key. */
export function beforeScriptOn(key: string, client: Client, action: () => Promise<unknown>): Client {
  let done: Promise<unknown> | undefined;
  return beforeScriptsOn(client, (args) => (args.flat().includes(key) ? (done ??= action()) : undefined));
}
