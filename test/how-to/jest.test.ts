// The test of docs/how-to/jest.md, run by Jest.
import { createRequire } from "node:module";
import path from "node:path";
import { expect, test } from "vitest";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

const page = new Page("how-to/jest.md");
const jest = path.join(path.dirname(createRequire(import.meta.url).resolve("jest/package.json")), "bin/jest.js");

test("Jest runs the test of the page on a Redis that it starts, and ends by itself", async () => {
  const site = new Site("jest", page.files);
  expect(page.command("NODE_OPTIONS")).toBe("NODE_OPTIONS=--experimental-vm-modules npx jest\n");
  const { stderr } = await site.run([jest], { NODE_OPTIONS: "--experimental-vm-modules", REDIS_URL: undefined });
  expect(stderr).toContain("Tests:       1 passed, 1 total");
  expect(stderr).not.toContain("did not exit");
});

// A newer Node needs less of the flag.
test.runIf(Number.parseInt(process.versions.node, 10) < 24)(
  "without the flag Jest says what the page says",
  async () => {
    const site = new Site("jest-without-flag", page.files);
    const failure = (await site
      .run([jest], { NODE_OPTIONS: "", REDIS_URL: undefined })
      .catch((error: unknown) => error)) as {
      stderr: string;
    };
    expect(failure.stderr).toContain("Must use import to load ES Module");
  },
);
