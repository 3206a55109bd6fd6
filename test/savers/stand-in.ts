// A client for the official Redis saver on a Redis without modules. That saver needs RedisJSON and RediSearch. Here a JSON
// document is a plain string, and FT.CREATE and FT.SEARCH are one ECHO each, answered as by a server that has, or has not,
// the index; the saver then looks for keys by KEYS. Everything else is a real Redis. So the commands and their order are
// exact, and what is stored is what RedisJSON is given. The times lack RedisJSON's and RediSearch's own work.
import type { Redis } from "ioredis";

/** Returns what the official saver takes for a client of the package `redis`. */
export function standIn(client: Redis): object {
  return {
    json: {
      get: async (key: string): Promise<unknown> => {
        const text = await client.get(key);
        return text === null ? null : JSON.parse(text);
      },
      set: (key: string, _path: string, document: unknown, { NX = false } = {}) =>
        NX ? client.set(key, JSON.stringify(document), "NX") : client.set(key, JSON.stringify(document)),
    },
    ft: {
      create: async () => {
        await client.echo("FT.CREATE");
        throw new Error("Index already exists");
      },
      search: async () => {
        await client.echo("FT.SEARCH");
        throw new Error("no such index");
      },
    },
    keys: (pattern: string) => client.keys(pattern),
    exists: (key: string) => client.exists(key),
    expire: (key: string, seconds: number) => client.expire(key, seconds),
    del: (keys: string[]) => client.del(...keys),
    zAdd: (key: string, members: readonly { readonly score: number; readonly value: string }[]) =>
      client.zadd(key, ...members.flatMap(({ score, value }) => [score, value])),
  };
}
