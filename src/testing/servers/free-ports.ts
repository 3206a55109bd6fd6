import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

// Below the range from which systems take ports for outgoing connections (32768 on Linux, 49152 elsewhere). A port from
// that range may be lent to a client the moment it is free, and a server could not come back on it.
const MIN_PORT = 16_384;
const MAX_PORT = 32_767;
const MAX_TRIES = 100;

const LOOPBACK = "127.0.0.1";

/** Makes `server` listen on a free loopback port that no outgoing connection can take while it does not listen. */
export async function listenOnFreePort(server: Server): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const port = randomInt(MIN_PORT, MAX_PORT + 1);
    try {
      await listen(server, port);
      return port;
    } catch (error) {
      if (tries === MAX_TRIES || !isAddressInUse(error)) throw error;
    }
  }
}

export async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, LOOPBACK);
  await once(server, "listening");
}

function isAddressInUse(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

/** Different free ports. Another process may take one before it is used: callers try again with others. */
export async function findFreePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(servers.map(listenOnFreePort));
  } finally {
    await Promise.all(
      servers.map(async (server) => {
        if (!server.listening) return;
        server.close();
        await once(server, "close");
      }),
    );
  }
}
