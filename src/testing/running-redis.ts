/** Options of `startRedis()`. Without options, it starts one empty server that leaves no files behind. */
export interface StartRedisOptions {
  /**
   * Whether to start a Redis Cluster. The cluster has three masters that share all 16384 slots, and accepts commands
   * when the promise resolves.
   *
   * @default false
   */
  readonly cluster?: boolean;
  /**
   * A folder that keeps the data when the server stops. The next start with the same folder restores the data. The
   * server writes an append-only file and syncs it on every write.
   *
   * The folder is created if it does not exist, and is never removed. Run only one server per folder.
   *
   * @default a temporary folder that is removed with the server
   */
  readonly dataDir?: string;
  /**
   * More arguments for every `redis-server`, for example `["--enable-debug-command", "yes"]`. Do not set the port,
   * `bind`, `dir`, `logfile` or a `loglevel` above `notice`, because `startRedis()` needs its own values to find, watch
   * and remove the server.
   *
   * @default []
   */
  readonly args?: readonly string[];
}

/** The address at which one server listens. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** A running Redis. Stop it with `stop()` or `await using`. A temporary server leaves no files behind. */
export interface RunningRedis extends RedisAddress {
  /**
   * The URL of the server, or of the first node of a cluster, for example `redis://127.0.0.1:16379`. With Docker, the
   * host may be another one.
   */
  readonly url: string;
  /** The addresses of all servers: one server, or the three masters of a cluster. */
  readonly nodes: readonly RedisAddress[];
  /** How the servers run: an existing server, local processes, or a container. */
  readonly source: "REDIS_URL" | "process" | "docker";
  /** The process ids, in the order of `nodes`, for tests that send signals. Empty unless `source` is `"process"`. */
  readonly pids: readonly number[];
  /**
   * Stops the servers. Resolves when the servers and their temporary folders are gone. Servers with a `dataDir` are
   * shut down, and temporary servers are killed. A server at `REDIS_URL` is not stopped. Idempotent: a second call does
   * nothing more.
   */
  stop(): Promise<void>;
  /** Calls `stop()`. */
  [Symbol.asyncDispose](): Promise<void>;
}
