import path from "node:path";
import { defineConfig } from "vitest/config";
import base from "../vitest.config.js";

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    root: import.meta.dirname,
    globalSetup: [
      path.join(import.meta.dirname, "../support/start-servers.ts"),
      path.join(import.meta.dirname, "support/report-setup.ts"),
    ],
    // One at a time: what is counted here should not depend on what else runs.
    fileParallelism: false,
    isolate: true,
    testTimeout: 1_800_000,
    hookTimeout: 120_000,
  },
});
