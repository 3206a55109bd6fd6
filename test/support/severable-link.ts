import { connect, createServer, type Socket } from "node:net";
import { listenOnFreePort } from "../../src/testing/servers/free-ports.js";
import type { Address } from "./start-servers.js";

/** Stands between two servers, whatever they say to each other, and can fall silent. */
export interface SeverableLink extends Address {
  /** Nothing passes any more; connections stay open, so that neither side notices. */
  readonly sever: () => void;
  readonly mend: () => void;
  /** Ends the connections that there are, as seen from both sides. */
  readonly cut: () => void;
  readonly close: () => void;
}

/** @param target asked for with each connection. */
export async function severableLink(target: () => Address): Promise<SeverableLink> {
  const sockets = new Set<Socket>();
  let severed = false;
  const server = createServer((near) => {
    const far = connect(target());
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on("data", (bytes) => to.write(bytes));
      if (severed) from.pause();
    }
  });
  const port = await listenOnFreePort(server);
  return {
    host: "127.0.0.1",
    port,
    sever: () => {
      severed = true;
      for (const socket of sockets) socket.pause();
    },
    mend: () => {
      severed = false;
      for (const socket of sockets) socket.resume();
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
