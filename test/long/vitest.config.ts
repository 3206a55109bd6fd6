import { defineConfig } from "vitest/config";
import programs from "../programs/vitest.config.js";
import { elsewhere } from "../vitest.config.js";

/** `npm run test:long`: `npm test` and `npm run test:programs` in one run. */
export default defineConfig({
  ...programs,
  test: { ...programs.test, include: ["**/*.test.ts"], exclude: [...elsewhere] },
});
