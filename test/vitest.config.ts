import path from "node:path";
import { defineConfig } from "vitest/config";

const root = path.join(import.meta.dirname, "..");

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
    // They have configurations of their own: npm run test:browser, test:large, test:runtimes.
    exclude: ["**/node_modules/**", "browser/**", "large/**", "runtimes/**"],
    globalSetup: "./support/start-servers.ts",
    // More than there are cores: most tests wait, for a server or for time to pass.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // By default a second, which a machine that has other work may take for one step.
    expect: { poll: { timeout: 10_000 } },
  },
});
