import type { AddressInfo } from "node:net";
import { serve, type ServerType } from "@hono/node-server";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { Hono } from "hono";
import { connect, SessionStore } from "langchain-redis-sessions";
import { chatModel } from "../chat-model.js";
import { OfflineChatModel } from "../offline-model.js";
import { makeAgents } from "./agent.js";
import { createApp } from "./app.js";
import { Changes } from "./changes.js";
import type { Config } from "./config.js";
import type { Env } from "./env.js";
import { openSignIns } from "./identity.js";
import type { Log } from "./log.js";
import { firstFailure, noteConnections, openRedis } from "./redis.js";
import { stopService } from "./shutdown.js";
import { RunningTurns } from "./turns.js";

export interface RunningService {
  readonly url: string;
  /** What it keeps its data in, for people. */
  readonly redis: string;
  /** Why that Redis cannot be reached, as a code; absent when it can. It is tried again and again. */
  readonly redisFailure: string | undefined;
  /** Safe to repeat. */
  readonly stop: () => Promise<void>;
}

/** Puts the parts together and listens. Nothing is left behind when that fails. */
export async function startService(config: Config, log: Log, model?: BaseChatModel): Promise<RunningService> {
  const signIns = await openSignIns({
    folder: config.DATA_DIR,
    key: config.SIGN_IN_KEY,
    lifetimeSeconds: config.SIGN_IN_LIFETIME,
    renewableSeconds: config.LIFETIME,
  });
  const redis = await openRedis({ url: config.REDIS_URL, folder: config.DATA_DIR });
  const clients = [connect(redis.url), connect(redis.url), connect(redis.url)] as const;
  const [client, limitClient, subscriber] = clients;
  noteConnections(clients, log);
  const contact = firstFailure(client);
  const sessions = new SessionStore({
    client,
    keyPrefix: config.KEY_PREFIX,
    idleTimeout: config.IDLE_TIMEOUT,
    lifetime: config.LIFETIME,
    conversationTtl: config.CONVERSATION_TTL,
    maxSessionsPerUser: config.MAX_SESSIONS_PER_USER,
    // A renewed JWT keeps the time of its sign-in, and none is good for longer than this.
    maxTokenLifetime: config.LIFETIME,
    // So much is read of a conversation that the agent takes up anew.
    window: { messages: config.WINDOW_MESSAGES },
    // One that cannot be read is no reason to withhold the rest from its owner.
    onCorrupt: "skip",
    memory: { limits: { keys: 1_000, valueBytes: 65_536, storageBytes: 5_000_000, writesPerDay: 10_000 } },
  });
  const turns = new RunningTurns(config.TURN_TIMEOUT);
  const closing = new AbortController();
  const offline = new OfflineChatModel({
    millisecondsPerWord: config.MODEL_PACE,
    thinksMilliseconds: config.MODEL_DELAY,
  });
  const agents = makeAgents({
    sessions,
    log,
    model: model ?? (await chatModel(offline)),
    window: config.WINDOW_MESSAGES,
  });
  const app = createApp({
    config,
    sessions,
    client,
    limitClient,
    agents,
    signIns,
    turns,
    changes: new Changes({ client, subscriber, prefix: config.KEY_PREFIX }),
    closing: closing.signal,
    log,
  });
  try {
    const server = await listen(app, config);
    const service = { server, turns, closing, sessions, clients, redis, log };
    let stopped: Promise<void> | undefined;
    return {
      url: addressOf(server, config),
      redis: redis.description,
      redisFailure: await contact,
      stop: () => (stopped ??= stopService({ ...service, graceSeconds: config.SHUTDOWN_TIMEOUT })),
    };
  } catch (error) {
    for (const each of clients) each.disconnect();
    await redis.stop();
    throw error;
  }
}

function listen(app: Hono<Env>, { HOST, PORT }: Config): Promise<ServerType> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: HOST, port: PORT }, () => {
      server.off("error", reject);
      resolve(server);
    });
    server.once("error", reject);
  });
}

function addressOf(server: ServerType, { HOST }: Config): string {
  const { port } = server.address() as AddressInfo;
  const everywhere = HOST === "0.0.0.0" || HOST === "::";
  return `http://${everywhere ? "localhost" : HOST.includes(":") ? `[${HOST}]` : HOST}:${port}`;
}
