// The routes of docs/how-to/nextjs.md as Next.js itself builds and serves them.
import { execFile } from "node:child_process";
import { request } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { Page } from "../how-to/support/page.js";
import { type Service, startService } from "../how-to/support/service.js";
import { testService } from "../how-to/support/service-suite.js";
import { Site } from "./support/site.js";

const run = promisify(execFile);
const page = new Page("how-to/nextjs.md");
const config = `export default { turbopack: { root: ${JSON.stringify(path.join(import.meta.dirname, "../.."))} } };`;
const layout = `
export default function Layout({ children }: { children: React.ReactNode }) {
  return <html><body>{children}</body></html>;
}
`;

let service: Service;
let built: { stdout: string; stderr: string };

async function start(): Promise<Service> {
  const site = new Site("next");
  // As create-next-app makes it, without "type": "module": then an import of chat.js does not find chat.ts.
  site.write("package.json", "{}");
  site.write("tsconfig.json", '{ "compilerOptions": { "strict": true } }');
  site.write("next.config.mjs", config);
  site.write("app/layout.tsx", layout);
  for (const [file, code] of page.files) site.write(file, code);
  const next = createRequire(import.meta.url).resolve("next/dist/bin/next");
  // What the build knows: no Redis, no secret, no model's key.
  const { REDIS_URL: _, JWT_SECRET: __, OPENAI_API_KEY: ___, ...inherited } = process.env;
  const production = { NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" } as const;
  built = await run(process.execPath, [next, "build"], { cwd: site.folder, env: { ...inherited, ...production } });
  service = await startService(site, [next, "start"], production);
  return service;
}

testService(page, start, { module: "esnext", moduleResolution: "bundler" });

test("Next.js builds the routes of the page, and connects to no Redis for that", () => {
  expect(built.stdout).toMatch(/ƒ \/answer\n.*ƒ \/chat\n.*ƒ \/messages\n.*ƒ \/session\n.*ƒ \/stop\n/s);
  expect(built.stdout + built.stderr).not.toContain("ECONNREFUSED");
});

test("an older browser's Origin is compared with the name that it asked for, not with the server's own", async () => {
  const { base } = service.program;
  const { Authorization = "" } = service.signIn;
  const { headers } = await fetch(`${base}/session`, { method: "POST", headers: service.signIn });
  const signedIn = { Authorization, Cookie: headers.getSetCookie()[0]?.split(";")[0] ?? "" };
  const statusFrom = (origin: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const from = { ...signedIn, Host: "chat.test", Origin: origin };
      request(`${base}/stop`, { method: "POST", headers: from }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on("error", reject)
        .end();
    });
  expect(await statusFrom("https://chat.test")).toBe(200);
  expect(await statusFrom("https://evil.test")).toBe(403);
  expect(await statusFrom(base)).toBe(403);
});
