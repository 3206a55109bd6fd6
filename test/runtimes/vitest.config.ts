import { defineConfig } from "vitest/config";
import plain from "../vitest.config.js";

/** `npm run test:runtimes`. */
export default defineConfig({
  ...plain,
  test: { ...plain.test, include: ["runtimes/*.test.ts"], exclude: ["**/node_modules/**"] },
});
