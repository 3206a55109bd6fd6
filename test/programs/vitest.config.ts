import path from "node:path";
import { defineConfig } from "vitest/config";
import plain, { programs } from "../vitest.config.js";

const support = path.join(import.meta.dirname, "../support");

/** `npm run test:programs`. */
export default defineConfig({
  ...plain,
  test: {
    ...plain.test,
    include: [...programs],
    exclude: ["**/node_modules/**"],
    globalSetup: [path.join(support, "start-servers.ts"), path.join(support, "pack-package.ts")],
  },
});
