import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, inject, test } from "vitest";
import { LangChainRedisError } from "../../src/errors.js";

const siteUrl = inject("siteUrl");
const root = path.join(import.meta.dirname, "../..");
const { exports } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { exports: object };

/** The entries of the package that are modules, by their place in the reference. */
const entries = await Promise.all(
  Object.keys(exports)
    .filter((entry) => !entry.endsWith(".json"))
    .map(async (entry) => {
      const folder = entry.slice(2);
      const exported = (await import(path.join(root, "src", folder, "index.ts"))) as Readonly<Record<string, unknown>>;
      return { place: folder === "" ? "root" : folder, exported };
    }),
);

const errors = entries.flatMap(({ place, exported }) =>
  Object.entries(exported)
    .filter(([, value]) => typeof value === "function" && value.prototype instanceof LangChainRedisError)
    .map(([name]) => ({ name, place })),
);

/** Returns the page as it is without a program of its own. */
async function pageAt(place: string): Promise<string> {
  const response = await fetch(`${siteUrl}/reference/${place}`);
  if (!response.ok) return `There is no ${place}.`;
  const html = await response.text();
  return html.slice(html.indexOf("<main"), html.indexOf("</main>"));
}

/** Returns what a reader sees of some HTML. */
function textOf(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .trim();
}

/** Returns the text of a page's section, without its heading. */
function section(page: string, heading: string): string {
  const [, rest = ""] = page.split(new RegExp(`<h(?:2|3) id="${heading}"[^]*?</h(?:2|3)>`));
  return textOf(rest.split(/<h[123] /, 1)[0] ?? "");
}

test.each(entries)("the index of $place names everything that it exports", async ({ place, exported }) => {
  const page = await pageAt(`${place}/`);
  expect(Object.keys(exported).filter((name) => !page.includes(`>${name}</a>`))).toEqual([]);
});

test("there are errors", () => {
  expect(errors.length).toBeGreaterThan(25);
});

test.each(errors)("the page of $name says what to do", async ({ name, place }) => {
  expect(section(await pageAt(`${place}/classes/${name}.html`), "remedy")).toMatch(/^[A-Z].+\./);
});

test("the page of an options interface shows types and defaults", async () => {
  const page = await pageAt("root/interfaces/RedisChatMessageHistoryOptions.html");
  expect(section(page, "ttl")).toMatch(/ttl\?: Duration \| "never".*Default: "30d"/s);
  expect(section(page, "sessionid")).toMatch(/sessionId: string/);
  expect(section(page, "maxmessagebytes")).toMatch(/number.*Default: 8388608 \(8 MiB\).*Inherited from StoreOptions/s);
});

test("a page says from where its subject is imported", async () => {
  const page = await pageAt("agents/functions/sessionMiddleware.html");
  expect(textOf(page)).toContain('import { sessionMiddleware } from "langchain-redis-sessions/agents";');
});
