// The program of docs/how-to/nestjs.md, compiled as a project of Nest's compiles it.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Page } from "./support/page.js";
import { type Service, startService } from "./support/service.js";
import { testService } from "./support/service-suite.js";
import { Site } from "./support/site.js";

const run = promisify(execFile);
const page = new Page("how-to/nestjs.md");
const decorators = { experimentalDecorators: true, emitDecoratorMetadata: true };
let service: Service;

testService(
  page,
  async () => {
    const site = new Site("nestjs", page.files);
    const settings = {
      module: "nodenext",
      target: "es2023",
      strict: true,
      skipLibCheck: true,
      rootDir: "src",
      outDir: "dist",
      types: ["node"],
    };
    site.write("tsconfig.json", JSON.stringify({ compilerOptions: { ...settings, ...decorators }, include: ["src"] }));
    await run(path.join(import.meta.dirname, "../../node_modules/.bin/tsc"), ["-p", site.folder]);
    service = await startService(site, ["dist/main.js"]);
    return service;
  },
  { ...decorators, noImplicitOverride: true },
);

test("the program ends by itself when it is asked to", async () => {
  await service.program.terminate();
  expect(service.program.output).not.toContain("Error");
});
