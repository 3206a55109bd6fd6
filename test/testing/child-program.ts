import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

import { z } from "zod";

import type { StartRedisOptions } from "../../src/testing/index.js";
import { builtProgram } from "../support/built-program.js";

const childReport = z.object({
  url: z.string().default(""),
  nodes: z.array(z.object({ host: z.string(), port: z.number() })).default([]),
  source: z.string().default(""),
  pids: z.array(z.number()).default([]),
  folders: z.array(z.string()).default([]),
  code: z.string().optional(),
  message: z.string().optional(),
});

/** What the child says about its Redis, or about the error it met instead. */
export type ChildReport = z.infer<typeof childReport>;

export interface ChildProgram {
  readonly report: ChildReport;
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
}

/** Runs child-redis.ts and waits for its report. */
export async function runChild(
  options: StartRedisOptions,
  afterwards: "end" | "wait" | "stop",
  environment: NodeJS.ProcessEnv = {},
): Promise<ChildProgram> {
  const child = spawn(
    process.execPath,
    [builtProgram(fileURLToPath(new URL("child-redis.ts", import.meta.url))), JSON.stringify(options), afterwards],
    { env: { ...process.env, REDIS_URL: "", ...environment }, stdio: ["pipe", "pipe", "inherit"] },
  );
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    lines.once("close", () => reject(new Error("the child ended without a report")));
  });
  return { report: childReport.parse(JSON.parse(line)), process: child, ended };
}
