import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { delimiter } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { RedisUnavailableError } from "../redis-unavailable-error.js";
import { PortTakenError } from "./server-plan.js";

const MAX_START_MILLISECONDS = 20_000;
const KEPT_LOG_LINES = 20;

// A parent that is killed runs no exit handler, so the server's life is tied to a pipe, which the system closes. This
// shell starts the server and reads the pipe. End of file means that the parent has ended or has asked to stop. When
// the server ends for any reason, the shell removes the temporary folder and ends too. Only the server writes to the
// parent. If the shell reported the killed server to a parent that has ended, SIGPIPE would kill the shell.
//
// $1  the signal, KILL or TERM. After TERM, the server has 10 seconds to shut down.
// $2  the folder to remove afterwards, or ""
// $3… the command
const SUPERVISOR = `
exec 2>&1 3<&0 </dev/null
signal=$1 folder=$2
shift 2
"$@" 3<&- &
server=$!
exec >/dev/null 2>&1
(
  read -r nothing <&3
  kill -s "$signal" "$server"
  [ "$signal" = TERM ] || exit
  kill -s CONT "$server"
  seconds=0
  while [ "$seconds" -lt 10 ]; do
    sleep 1 3<&-
    seconds=$((seconds + 1))
  done
  kill -s KILL "$server"
) &
watcher=$!
exec 3<&-
wait "$server"
kill -s KILL "$watcher"
[ -z "$folder" ] || rm -rf -- "$folder"
`;

/** A server process that ends with this process, even if this process crashes. */
export interface SupervisedServer {
  readonly pid: number;
  /** Stops the server. Resolves when the server and its temporary folder are gone. Idempotent. */
  stop(): Promise<void>;
}

export interface SupervisedCommand {
  readonly command: readonly string[];
  /**
   * The folder to remove with the server, which is then killed. If `undefined`, the server is shut down and no folder
   * is removed.
   */
  readonly temporaryFolder: string | undefined;
}

/**
 * Starts a server and resolves when it accepts connections.
 *
 * @throws RedisUnavailableError if the server does not start.
 * @throws PortTakenError if another process has taken its port.
 */
export async function startSupervised({ command, temporaryFolder }: SupervisedCommand): Promise<SupervisedServer> {
  const signal = temporaryFolder === undefined ? "TERM" : "KILL";
  const supervisor = spawn(
    "/bin/sh",
    ["-c", SUPERVISOR, "redis-supervisor", signal, temporaryFolder ?? "", ...command],
    // Detached, because Ctrl-C in a terminal signals every foreground process, and tests may still need the server.
    { detached: true, stdio: ["pipe", "pipe", "ignore"], env: environmentWithSystemTools() },
  );
  const exited = new Promise<void>((resolve) => {
    supervisor.once("exit", () => resolve());
    supervisor.once("error", () => resolve()); // Emitted instead of "exit" if there is no shell.
  });
  // Nothing is written to this pipe, and the shell may already have closed its end.
  supervisor.stdin.on("error", () => {});
  try {
    const pid = await readiness({ supervisor, output: supervisor.stdout });
    reference(supervisor, "unref");
    return {
      pid,
      stop: async () => {
        if (supervisor.exitCode !== null || supervisor.signalCode !== null) return;
        reference(supervisor, "ref");
        supervisor.stdin.end();
        await exited;
      },
    };
  } catch (error) {
    supervisor.stdin.end();
    await exited;
    throw error;
  }
}

/** Resolves with the server's process id when the server is ready. The server's log lines begin with the id. */
function readiness({ supervisor, output }: { supervisor: ChildProcess; output: Readable }): Promise<number> {
  const log: string[] = [];
  let limit: NodeJS.Timeout | undefined;
  return new Promise<number>((resolve, reject) => {
    const fail = (reason: string, cause?: unknown): void =>
      reject(
        log.some((line) => line.includes("Address already in use"))
          ? new PortTakenError(reason)
          : new RedisUnavailableError(reason, { log, cause }),
      );
    // The log is read until the server ends. Otherwise it would fill the pipe and block the server.
    createInterface({ input: output }).on("line", (line) => {
      if (log.push(line) > KEPT_LOG_LINES) log.shift();
      if (!line.includes("Ready to accept connections")) return;
      const pid = /^(?:pid=)?(\d+)/.exec(line)?.[1];
      if (pid === undefined) fail("The server's log line does not start with its process id.");
      else resolve(Number(pid));
    });
    supervisor.once("error", (error) => fail("The server could not be started: there is no /bin/sh.", error));
    // "close" follows "exit" when the log has been read to its end.
    supervisor.once("close", () => fail("The Redis server ended while it was starting."));
    limit = setTimeout(
      () => fail(`The Redis server was not ready after ${MAX_START_MILLISECONDS} ms.`),
      MAX_START_MILLISECONDS,
    );
  }).finally(() => clearTimeout(limit));
}

/**
 * Changes whether the server keeps this program running. "unref" lets a program end that forgets `stop()`. "ref" keeps
 * the program running until `stop()` resolves.
 */
function reference(supervisor: ChildProcess, change: "ref" | "unref"): void {
  supervisor[change]();
  for (const stream of supervisor.stdio) {
    if (stream instanceof Socket) stream[change]();
  }
}

/** Returns the environment for the supervisor. Extends PATH, because the supervisor needs `sleep` and `rm`. */
function environmentWithSystemTools(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: [process.env["PATH"] ?? "", "/usr/bin", "/bin"].join(delimiter) };
}
