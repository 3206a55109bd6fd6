import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

// Ports below the range for outgoing connections, which begins at 32768 on Linux and at 49152 elsewhere. A client may
// get a port of that range as soon as it is free, and then a restarted server could not listen on it again.
const MIN_PORT = 16_384;
const MAX_PORT = 32_767;
const MAX_TRIES = 100;

const LOOPBACK = "127.0.0.1";

/**
 * Makes `server` listen on a free loopback port and returns the port. No outgoing connection can take the port while
 * the server does not listen.
 */
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

/**
 * Returns different free ports. Another process may take a port before the caller uses it. The caller must then try
 * again with new ports.
 */
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
