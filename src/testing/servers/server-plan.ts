import { findFreePorts } from "./free-ports.js";
import type { StartRedisOptions } from "../running-redis.js";

const CLUSTER_NODES = 3;

// Long enough that a node on a busy machine does not count as failed, and short enough for a test of a failed node.
const CLUSTER_NODE_TIMEOUT_MILLISECONDS = 5_000;

/** The servers to run, either as local processes or in one container. */
export interface ServerPlan {
  readonly servers: readonly PlannedServer[];
  /** Whether the servers form a cluster once they run. */
  readonly cluster: boolean;
  /** The absolute path of the folder that keeps the data. `undefined` for temporary servers. */
  readonly dataDir: string | undefined;
}

export interface PlannedServer {
  readonly port: number;
  /** The port at which the other nodes of a cluster reach this one. `undefined` for a single server. */
  readonly busPort: number | undefined;
  /** The folder of the server's files, relative to the plan's `dataDir` or the runner's temporary folder. */
  readonly folder: string;
  /** The arguments for `redis-server`, without the `--bind` and `--dir` that the runner adds. */
  readonly arguments: readonly string[];
}

/** A running plan. */
export interface RunningServers {
  readonly source: "process" | "docker";
  readonly host: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** Thrown by a runner when another process has taken a port of the plan. A new plan has new ports. */
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
        // These come last and override the caller's arguments, so that the runner can find and watch the server.
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
    // The default, port + 10000, may be in use or above 65535.
    "cluster-port": String(busPort),
    // Nodes in one container reach each other on its loopback interface. Clients use the published ports, which are
    // equal.
    "cluster-announce-ip": "127.0.0.1",
  };
}

function flags(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
}
