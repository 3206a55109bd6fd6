import { once } from "node:events";
import { type AddressInfo, createServer, connect as openSocket } from "node:net";
import type { RedisAddress } from "langchain-redis-sessions/testing";

/** Stands before a Redis and counts how often a client, of one operation at a time, waits for it. */
export interface WireTap {
  readonly url: string;
  /** How often requests came after replies: a pipeline, one flight of commands and one of replies, is one. */
  readonly roundTrips: number;
  close(): void;
}

export async function tapWire({ host, port }: RedisAddress): Promise<WireTap> {
  let roundTrips = 0;
  const server = createServer({ noDelay: true }, (client) => {
    const redis = openSocket({ host, port, noDelay: true });
    let asking = false;
    client.on("data", () => {
      if (!asking) roundTrips += 1;
      asking = true;
    });
    redis.on("data", () => (asking = false));
    client.pipe(redis).pipe(client);
    for (const socket of [client, redis]) socket.on("error", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get roundTrips() {
      return roundTrips;
    },
    close: () => void server.close(),
  };
}
