import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    // Each file has a server and a browser of its own; one at a time is enough for a small machine.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What a page shows comes a moment after the answer that it belongs to.
    expect: { poll: { timeout: 10_000 } },
  },
});
