import { Redis } from "ioredis";

import { startRedis } from "../../src/testing/index.js";

// A program of its own for tests of what outlives a program.
// argv: options of startRedis() as JSON, and "end" (forget stop() and end), "wait" (for a signal) or "stop".
const [options = "{}", then = "end"] = process.argv.slice(2);

try {
  const redis = await startRedis(JSON.parse(options));
  const folders = await Promise.all(
    redis.nodes.map(async (node) => {
      const client = new Redis(node);
      const [, folder] = await client.config("GET", "dir");
      await client.quit();
      return folder;
    }),
  );
  const { url, nodes, source, pids } = redis;
  process.stdout.write(`${JSON.stringify({ url, nodes, source, pids, folders })}\n`);
  if (then === "wait") setInterval(() => {}, 60_000);
  if (then === "stop") {
    for await (const _ of process.stdin);
    await redis.stop();
  }
} catch (error) {
  if (!(error instanceof Error)) throw error;
  process.stdout.write(
    `${JSON.stringify({ code: "code" in error ? error.code : undefined, message: error.message })}\n`,
  );
}
