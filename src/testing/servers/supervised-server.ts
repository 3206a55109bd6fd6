import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
import { delimiter } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";

import { RedisUnavailableError } from "../redis-unavailable-error.js";
import { PortTakenError } from "./server-plan.js";

const MAX_START_MILLISECONDS = 20_000;
const KEPT_LOG_LINES = 20;

// A parent that is killed runs no exit handler, so the server is tied to something that the system ends for it: a pipe.
// This shell starts the server and reads that pipe; end of file means that the parent is gone or has asked to stop.
// It leaves with the server, whoever ends it, and takes the temporary folder along. Only the server writes to the
// parent: a shell that reports a killed job to a parent that is gone would die of SIGPIPE itself.
//
// $1  KILL or TERM; TERM waits for a shutdown in good order, though not for ever
// $2  folder to remove afterwards, or nothing
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

/** A server process that ends with this one, even when this one crashes. */
export interface SupervisedServer {
  readonly pid: number;
  /** Resolves once the server and its temporary folder are gone; at once when they already are. */
  stop(): Promise<void>;
}

export interface SupervisedCommand {
  readonly command: readonly string[];
  /** Killed and removed with the server; `undefined`: shut down in good order, and nothing is removed. */
  readonly temporaryFolder: string | undefined;
}

/** Starts a server and resolves once it accepts connections. */
export async function startSupervised({ command, temporaryFolder }: SupervisedCommand): Promise<SupervisedServer> {
  const signal = temporaryFolder === undefined ? "TERM" : "KILL";
  const supervisor = spawn(
    "/bin/sh",
    ["-c", SUPERVISOR, "redis-supervisor", signal, temporaryFolder ?? "", ...command],
    // Detached: Ctrl-C in a terminal reaches every process of the foreground, and tests may still need the server.
    { detached: true, stdio: ["pipe", "pipe", "ignore"], env: environmentWithSystemTools() },
  );
  const exited = new Promise<void>((resolve) => {
    supervisor.once("exit", () => resolve());
    supervisor.once("error", () => resolve()); // instead of "exit" when there is no shell
  });
  // Only its end is ever used, and it may have been closed from the other side already.
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

/** Resolves with the server's own process id, which it puts in front of its log lines. */
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
    // Read to the end of the server's life, or its log would fill the pipe and block it.
    createInterface({ input: output }).on("line", (line) => {
      if (log.push(line) > KEPT_LOG_LINES) log.shift();
      if (!line.includes("Ready to accept connections")) return;
      const pid = /^(?:pid=)?(\d+)/.exec(line)?.[1];
      if (pid === undefined) fail("The server's log line does not start with its process id.");
      else resolve(Number(pid));
    });
    supervisor.once("error", (error) => fail("The server could not be started: there is no /bin/sh.", error));
    // "close" comes after "exit", when the log has been read to its end.
    supervisor.once("close", () => fail("The Redis server ended while it was starting."));
    limit = setTimeout(
      () => fail(`The Redis server was not ready after ${MAX_START_MILLISECONDS} ms.`),
      MAX_START_MILLISECONDS,
    );
  }).finally(() => clearTimeout(limit));
}

/** "unref": a program that forgets `stop()` still ends. "ref": `stop()` is waited for. */
function reference(supervisor: ChildProcess, change: "ref" | "unref"): void {
  supervisor[change]();
  for (const stream of supervisor.stdio) {
    if (stream instanceof Socket) stream[change]();
  }
}

/** The supervisor needs `sleep` and `rm`, which a narrow PATH may not lead to. */
function environmentWithSystemTools(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: [process.env["PATH"] ?? "", "/usr/bin", "/bin"].join(delimiter) };
}
