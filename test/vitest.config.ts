import path from "node:path";
import { defineConfig } from "vitest/config";

const root = path.join(import.meta.dirname, "..");

export default defineConfig({
  resolve: {
    alias: {
      "langchain-redis-sessions/http": path.join(root, "src/http/index.ts"),
      "langchain-redis-sessions/express": path.join(root, "src/express/index.ts"),
      "langchain-redis-sessions/testing": path.join(root, "src/testing/index.ts"),
      "langchain-redis-sessions": path.join(root, "src/index.ts"),
    },
  },
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: "./support/start-servers.ts",
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
