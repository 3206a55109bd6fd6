import { findFreePorts } from "./free-ports.js";
import type { StartRedisOptions } from "../running-redis.js";

const CLUSTER_NODES = 3;

// Long enough that a busy test machine is not taken for a dead node, short enough for a test of a failing one.
const CLUSTER_NODE_TIMEOUT_MILLISECONDS = 5_000;

/** What to run, whoever runs it: local processes or one container. */
export interface ServerPlan {
  readonly servers: readonly PlannedServer[];
  /** Whether the servers form a cluster once they run. */
  readonly cluster: boolean;
  /** Absolute path of the folder that keeps the data; `undefined` for temporary servers. */
  readonly dataDir: string | undefined;
}

export interface PlannedServer {
  readonly port: number;
  /** Where the nodes of a cluster talk to each other; `undefined` for a single server. */
  readonly busPort: number | undefined;
  /** Where the server keeps its files, below the plan's `dataDir` or the runner's temporary folder. */
  readonly folder: string;
  /** For `redis-server`; a runner adds its own `--bind` and `--dir`. */
  readonly arguments: readonly string[];
}

/** A running plan. */
export interface RunningServers {
  readonly source: "process" | "docker";
  readonly host: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** Thrown by a runner when a port was taken between its choice and its use; a new plan has new ports. */
export class PortTakenError extends Error {
  override readonly name = "PortTakenError";
}

export async function planServers(options: Omit<StartRedisOptions, "dataDir">, dataDir?: string): Promise<ServerPlan> {
  const cluster = options.cluster === true;
  const count = cluster ? CLUSTER_NODES : 1;
  const ports = await findFreePorts(cluster ? count * 2 : 1);
  const servers = ports.slice(0, count).map((port, index): PlannedServer => {
    const busPort = ports[count + index];
    return {
      port,
      busPort,
      folder: cluster ? `node-${index + 1}` : ".",
      arguments: [
        ...flags({
          save: "",
          ...(dataDir === undefined ? { appendonly: "no" } : { appendonly: "yes", appendfsync: "always" }),
          ...(busPort === undefined ? {} : clusterSettings(busPort)),
        }),
        ...(options.args ?? []),
        // Last, so that no caller's argument can hide the server from us.
        ...flags({ port: String(port), daemonize: "no", logfile: "" }),
      ],
    };
  });
  return { servers, cluster, dataDir };
}

function clusterSettings(busPort: number): Readonly<Record<string, string>> {
  return {
    "cluster-enabled": "yes",
    "cluster-config-file": "nodes.conf",
    "cluster-node-timeout": String(CLUSTER_NODE_TIMEOUT_MILLISECONDS),
    // The default, port + 10000, may be taken or lie above 65535.
    "cluster-port": String(busPort),
    // Nodes in one container reach each other on its own loopback, clients outside through equal published ports.
    "cluster-announce-ip": "127.0.0.1",
  };
}

function flags(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
