import path from "node:path";
import { defineConfig } from "vitest/config";

const root = path.join(import.meta.dirname, "..");

/** What has a configuration of its own: npm run test:browser, test:how-to, test:large, test:runtimes, test:site. */
export const elsewhere: readonly string[] = [
  "**/node_modules/**",
  "browser/**",
  "how-to/**",
  "large/**",
  "runtimes/**",
  "site/**",
];

/** Whole programs, servers that die or stall, and the packages of model providers: `npm run test:programs`. */
export const programs: readonly string[] = [
  "{examples,lock-file,packed,quickstart,readme,tutorials}.test.ts",
  "ai-sdk/**/*.test.ts",
  "answers/{killed,killed-agents,stalled}.test.ts",
  "bench/**/*.test.ts",
  "capacity/**/*.test.ts",
  "chat-server/**/*.test.ts",
  "cli/**/*.test.ts",
  "docs/{migrate,troubleshooting}.test.ts",
  "faults/*.test.ts",
  "http/second-copy.test.ts",
  "langgraph/oldest.test.ts",
  "providers/**/*.test.ts",
  "sessions/leaving.test.ts",
  "testing/start-redis.test.ts",
  "turns/lease-faults.test.ts",
];

export default defineConfig({
  resolve: {
    alias: [
      // For examples/ai-sdk.
      { find: /^ai$/, replacement: path.join(root, "test/ai-sdk/node_modules/ai/dist/index.mjs") },
      { find: /^langchain-redis-sessions\/([\w-]+)$/, replacement: path.join(root, "src/$1/index.ts") },
      { find: /^langchain-redis-sessions$/, replacement: path.join(root, "src/index.ts") },
    ],
  },
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    exclude: [...elsewhere, ...programs],
    globalSetup: path.join(import.meta.dirname, "support/start-servers.ts"),
    // A worker runs many files. To load the packages anew for each would take as long as the tests do.
    isolate: false,
    setupFiles: path.join(import.meta.dirname, "support/fresh-modules.ts"),
    // More than there are cores: most tests wait, for a server or for time to pass.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // By default a second, which a machine that has other work may take for one step.
    expect: { poll: { timeout: 10_000 } },
  },
});
