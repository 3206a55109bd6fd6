/** Options of `startRedis()`. Without any, it is one empty server that leaves nothing behind. */
export interface StartRedisOptions {
  /**
   * Start a Redis Cluster: three masters that share all 16384 slots, ready for commands once the promise resolves.
   *
   * @default false
   */
  readonly cluster?: boolean;
  /**
   * A folder that keeps the data (append-only file, synced on every write) when the server stops; the next start with
   * the same folder finds it. Made when missing, never removed. One running server per folder.
   *
   * @default a temporary folder, removed with the server
   */
  readonly dataDir?: string;
  /**
   * More arguments for every `redis-server`, for example `["--enable-debug-command", "yes"]`. Leave the port, `bind`,
   * `dir`, `logfile` and a `loglevel` above `notice` alone: finding, watching and removing the server depends on them.
   *
   * @default []
   */
  readonly args?: readonly string[];
}

/** Where one server listens. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** A Redis that answers. Stop it with `stop()` or `await using`; a temporary one leaves nothing behind. */
export interface RunningRedis extends RedisAddress {
  /** For example `redis://127.0.0.1:16379`: the server, or the first node of a cluster. Docker may choose the host. */
  readonly url: string;
  /** All servers: one, or the three masters of a cluster. */
  readonly nodes: readonly RedisAddress[];
  /** What runs it: a server that was there, local processes, or a container. */
  readonly source: "REDIS_URL" | "process" | "docker";
  /** Process ids in the order of `nodes`, for tests that send signals; empty unless `source` is `"process"`. */
  readonly pids: readonly number[];
  /**
   * Stops the servers and waits until they and their temporary folders are gone. With a `dataDir` the servers shut down
   * in good order, else they are killed. Does nothing to a server from `REDIS_URL`, and nothing the second time.
   */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
