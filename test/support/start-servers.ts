import type { TestProject } from "vitest/node";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import { type RunningRedis, startRedis } from "../../src/testing/index.js";
import { findFreePorts } from "../../src/testing/servers/free-ports.js";
import { findServerProgram } from "../../src/testing/servers/local-servers.js";
import { grants } from "./acl.js";
import { selfSigned } from "./self-signed.js";

declare module "vitest" {
  interface ProvidedContext {
    /** The servers that all test files share; each test keeps to a random prefix of its own. */
    servers: { readonly single: Address; readonly cluster: readonly Address[]; readonly guarded: Guarded };
  }
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** A server on which a user "limited", password "limited", has the rights that docs/redis.md names. */
export interface Guarded extends Address {
  /** Where it takes TLS, and the certificate to trust; absent in a container. */
  readonly tls: { readonly port: number; readonly ca: string } | undefined;
}

/** Starts one Redis and a Cluster of three for the whole run; never a REDIS_URL, whose data is not ours to touch. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [single, cluster, guarded] = await Promise.all([
    startRedis({ args: ["--databases", "4"] }),
    startRedis({ cluster: true }),
    startGuarded(),
  ]);
  project.provide("servers", {
    single: address(single),
    cluster: cluster.nodes.map(address),
    guarded: guarded.provided,
  });
  return async () => {
    await Promise.all([single.stop(), cluster.stop(), guarded.stop()]);
  };
}

async function startGuarded(): Promise<{ provided: Guarded; stop: () => Promise<void> }> {
  const folder = mkdtempSync(path.join(tmpdir(), "certificate-"));
  const { certificate, key } = selfSigned();
  const [certificateFile, keyFile] = [path.join(folder, "certificate.pem"), path.join(folder, "key.pem")];
  writeFileSync(certificateFile, certificate);
  writeFileSync(keyFile, key, { mode: 0o600 });
  // In a container the files are not there, and the port is not published.
  const local = (await findServerProgram()) !== undefined;
  const [port = 0] = await findFreePorts(1);
  const tls = { port, ca: certificate };
  const settings = {
    "tls-port": port,
    "tls-cert-file": certificateFile,
    "tls-key-file": keyFile,
    "tls-auth-clients": "no",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const redis = await startRedis({ args: local ? args : ["--databases", "4"] });
  const admin = new Redis(redis.url);
  // The tests name other prefixes than "chat", too.
  const others = ["~test-*", "~app*", "&*:session-endings", "&*:user:*:answer:*"];
  await admin.acl("SETUSER", "limited", "reset", "on", ">limited", ...grants, ...others);
  admin.disconnect();
  const stop = async (): Promise<void> => {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { provided: { ...address(redis), tls: local ? tls : undefined }, stop };
}

function address({ host, port }: Pick<RunningRedis, "host" | "port">): Address {
  return { host, port };
}
