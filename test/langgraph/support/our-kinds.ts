import { randomBytes } from "node:crypto";
import { JsonPlusSerializer, type SerializerProtocol } from "@langchain/langgraph-checkpoint";
import { afterAll, inject } from "vitest";
import { SessionStore } from "langchain-redis-sessions";
import { RedisSaver, type RedisSaverOptions, SessionSaver } from "langchain-redis-sessions/langgraph";
import { Cluster, Redis } from "ioredis";
import type { StoredFormOptions } from "../../../src/encryption/options.js";
import { freshId } from "../../support/turns.js";
import type { Client } from "../../support/topologies.js";
import { BoundSaver } from "./bound-saver.js";
import type { Kind } from "./place.js";
import { sealing } from "./sealed.js";

const { single, cluster } = inject("servers");

/** Opens a client that a file of tests uses from its first test to its last. */
function lasting(open: () => Client): () => Client {
  let client: Client | undefined;
  afterAll(() => client?.disconnect());
  return () => (client ??= open());
}

const oneRedis: () => Client = lasting(() => new Redis(single));
const ofCluster = lasting(() => new Cluster([...cluster]));

/** Options that are made anew each time something is opened. */
type Opening = () => StoredFormOptions & Pick<RedisSaverOptions, "serde">;

function redisSaver(name: string, client: () => Client, opening: Opening = () => ({})): Kind {
  return {
    name,
    place: () => {
      const keyPrefix = freshId();
      return {
        open: (options) => new RedisSaver({ client: client(), keyPrefix, ...opening(), ...options }),
      };
    },
  };
}

/** Never makes the same bytes of a value twice, as a serializer that encrypts. */
export const unsharing: SerializerProtocol = {
  dumpsTyped: async (value) => {
    const [type, bytes] = await new JsonPlusSerializer().dumpsTyped(value);
    return [`salted ${type}`, Buffer.concat([randomBytes(16), bytes])];
  },
  loadsTyped: async (type, data) =>
    new JsonPlusSerializer().loadsTyped(
      type.replace("salted ", ""),
      new Uint8Array(Buffer.from(data as Uint8Array).subarray(16)),
    ) as Promise<unknown>,
};

export const onOneRedis: Kind = redisSaver("RedisSaver, one Redis", oneRedis);
export const onCluster: Kind = redisSaver("RedisSaver, Cluster of three", ofCluster);
export const withSerde: Kind = redisSaver("RedisSaver, a serializer that salts", oneRedis, () => ({
  serde: unsharing,
}));
export const sealed: Kind = redisSaver("RedisSaver, sealed and compressed", oneRedis, sealing);

/** Each thread is the conversation of a session that is opened for it. */
function sessionSaver(name: string, client: () => Client, opening: () => StoredFormOptions = () => ({})): Kind {
  return {
    name,
    lacks: ["any thread id"],
    place: () => {
      const sessions = new SessionStore({ client: client(), keyPrefix: freshId(), ...opening() });
      closing.push(() => sessions.close());
      const opened: BoundSaver["threads"] = new Map();
      // Where it is not asked otherwise, as RedisSaver: so that one suite suits both.
      return {
        open: (options) => new BoundSaver(sessions, new SessionSaver({ sessions, forks: "allow", ...options }), opened),
      };
    },
  };
}

export const withSessions: Kind = sessionSaver("SessionSaver, one Redis", oneRedis);
export const withSessionsOnCluster: Kind = sessionSaver("SessionSaver, Cluster of three", ofCluster);
export const withSessionsSealed: Kind = sessionSaver("SessionSaver, sealed and compressed", oneRedis, sealing);

const closing: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});
