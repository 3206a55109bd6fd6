import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import type { TestProject } from "vitest/node";
import { findFreePorts } from "../../../src/testing/servers/free-ports.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** The address of the built site. */
    siteUrl: string;
  }
}

const root = path.join(import.meta.dirname, "../../..");

/** Builds the site as `npm run docs` does, and serves it with the command that `npm run docs` names. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  execFileSync(process.execPath, ["site/build.mjs"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  const [port] = await findFreePorts(1);
  const words = ["node_modules/vitepress/bin/vitepress.js", "preview", "--host", "127.0.0.1", "--port", String(port)];
  const server = spawn(process.execPath, words, { cwd: path.join(root, "site"), stdio: ["ignore", "pipe", "inherit"] });
  await serves(server);
  project.provide("siteUrl", `http://127.0.0.1:${port}`);
  return async () => {
    server.kill();
    await once(server, "exit");
  };
}

async function serves({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error("The server's output is not read.");
  for await (const line of createInterface({ input: stdout })) {
    if (!line.includes("Built site served")) continue;
    stdout.resume();
    return;
  }
  throw new Error("The site's server did not start.");
}
