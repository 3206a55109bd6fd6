import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { inject } from "vitest";
import { readConfig } from "../../../examples/chat-server/config.js";
import { openSignIns } from "../../../examples/chat-server/identity.js";
import { jsonLog } from "../../../examples/chat-server/log.js";
import { startService } from "../../../examples/chat-server/service.js";
import { freshId } from "../../support/turns.js";

/** The service on a port of its own, with keys and an identity provider of its own, on the Redis of all tests. */
export interface TestService {
  readonly url: string;
  readonly keyPrefix: string;
  /** What it logged, line by line. */
  readonly lines: readonly string[];
  readonly entries: () => readonly Record<string, unknown>[];
  /** A JWT for anybody, not just the demo users. */
  readonly jwtFor: (userId: string, at?: Date) => Promise<string>;
  /** A JWT that ran out a minute ago. */
  readonly lapsedJwtFor: (userId: string, at?: Date) => Promise<string>;
  readonly stop: () => Promise<void>;
}

export interface TestServiceOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly model?: BaseChatModel;
}

export async function startTestService({ environment = {}, model }: TestServiceOptions = {}): Promise<TestService> {
  const { host, port } = inject("servers").single;
  const folder = await mkdtemp(path.join(tmpdir(), "chat-server-"));
  const keyPrefix = freshId();
  const config = readConfig({
    PORT: "0",
    REDIS_URL: `redis://${host}:${port}`,
    DATA_DIR: folder,
    KEY_PREFIX: keyPrefix,
    MODEL_PACE: "1",
    SHUTDOWN_TIMEOUT: "1s",
    TURNS_PER_MINUTE: "1000",
    REQUESTS_PER_MINUTE: "10000",
    ...environment,
  });
  const lines: string[] = [];
  const service = await startService(
    config,
    jsonLog((line) => lines.push(line)),
    model,
  );
  const signIns = await openSignIns({ folder, lifetimeSeconds: 300, renewableSeconds: 604_800 });
  const lapsedSignIns = await openSignIns({ folder, lifetimeSeconds: -60, renewableSeconds: 604_800 });
  return {
    url: service.url,
    keyPrefix,
    lines,
    entries: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    jwtFor: (userId, at) => signIns.signIn({ id: userId, name: userId }, { at }),
    lapsedJwtFor: (userId, at = new Date(Date.now() - 3_600_000)) =>
      lapsedSignIns.signIn({ id: userId, name: userId }, { at }),
    stop: async () => {
      await service.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
