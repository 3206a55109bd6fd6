import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { onTestFinished } from "vitest";

/** A connection below any client library, for tests that look at bytes. */
export interface Wire {
  readonly socket: Socket;
  /** All that has arrived so far. */
  received(): string;
  send(text: string): void;
  /** Resolves once the other side has ended the connection. */
  readonly ended: Promise<void>;
}

export async function openWire(port: number): Promise<Wire> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  onTestFinished(() => {
    socket.destroy();
  });
  let received = "";
  socket.setEncoding("latin1");
  socket.on("data", (text) => {
    received += String(text);
  });
  const ended = new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
  await once(socket, "connect");
  socket.on("error", () => {});
  return {
    socket,
    received: () => received,
    send: (text) => {
      socket.write(text);
    },
    ended,
  };
}
