import { once } from "node:events";
import { type AddressInfo, createServer, connect as openSocket } from "node:net";
import type { RedisAddress } from "langchain-redis-sessions/testing";

/** Stands before a Redis and counts how often a client, of one operation at a time, waits for it. */
export interface WireTap {
  readonly url: string;
  /** How often requests came after replies: a pipeline, one flight of commands and one of replies, is one. */
  readonly roundTrips: number;
  /** The same of the connection that was opened first: that of commands, where a later one is a subscriber. */
  readonly firstRoundTrips: number;
  /** What clients sent and received so far. */
  readonly bytes: { readonly sent: number; readonly received: number };
  close(): void;
}

export async function tapWire({ host, port }: RedisAddress): Promise<WireTap> {
  const roundTrips: number[] = [];
  const bytes = { sent: 0, received: 0 };
  const server = createServer({ noDelay: true }, (client) => {
    const redis = openSocket({ host, port, noDelay: true });
    let asking = false;
    const connection = roundTrips.push(0) - 1;
    client.on("data", ({ length }: Buffer) => {
      bytes.sent += length;
      if (!asking) roundTrips[connection] = (roundTrips[connection] ?? 0) + 1;
      asking = true;
    });
    redis.on("data", ({ length }: Buffer) => {
      bytes.received += length;
      asking = false;
    });
    client.pipe(redis).pipe(client);
    for (const socket of [client, redis]) socket.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get roundTrips() {
      return roundTrips.reduce((sum, count) => sum + count, 0);
    },
    get firstRoundTrips() {
      return roundTrips[0] ?? 0;
    },
    get bytes() {
      return { ...bytes };
    },
    close: () => void server.close(),
  };
}
