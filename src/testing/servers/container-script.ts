import { posix } from "node:path";

import { ENDED } from "./container-log.js";
import type { PlannedServer } from "./server-plan.js";

/** Where the servers keep their files in the container. */
export const SERVERS_FOLDER = "/servers";

export function folderInContainer(server: PlannedServer): string {
  return posix.join(SERVERS_FOLDER, server.folder);
}

/**
 * Runs all servers below one shell, which passes the request to shut down on to each and waits for them. When they end
 * by themselves it stays for a while: testcontainers cannot make sense of a container that is gone before it has looked
 * at its ports, and neither tells why it ended nor removes it.
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
# A signal ends one wait early, hence once more.
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
