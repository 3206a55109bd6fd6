import { posix } from "node:path";

import { ENDED } from "./container-log.js";
import type { PlannedServer } from "./server-plan.js";

/** The folder in the container in which the servers keep their files. */
export const SERVERS_FOLDER = "/servers";

export function folderInContainer(server: PlannedServer): string {
  return posix.join(SERVERS_FOLDER, server.folder);
}

/**
 * Returns the shell script that runs all servers of a container. The shell forwards the shutdown signal to each server
 * and waits for them.
 *
 * If the servers end by themselves, the shell stays for 15 seconds. If the container ended before testcontainers had
 * inspected its ports, testcontainers would neither report the reason nor remove the container.
 */
export function containerScript(servers: readonly PlannedServer[]): string {
  const starts = servers.map((server) => {
    const place = ["--protected-mode", "no", "--dir", folderInContainer(server)];
    const command = ["redis-server", ...server.arguments, ...place];
    return `${command.map(quote).join(" ")} & servers="$servers $!"`;
  });
  return `
servers= stopping=
trap 'stopping=yes; kill -s TERM $servers' TERM
${starts.join("\n")}
# A signal interrupts one wait, so the loop visits each server twice.
for server in $servers $servers; do wait $server; done
[ -z "$stopping" ] || exit 0
for server in $servers; do echo ${quote(ENDED)}; done
sleep 15 &
wait $!
`;
}

function quote(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
