import type { CDPSession, Page, Request } from "playwright-core";
import { expect, test } from "vitest";
import { sampleOf } from "../support/amount.js";
import { useChat } from "./support/suite.js";

const chat = useChat();

/** Compressed, with headers, as it goes over the wire. */
const MOST_BYTES = 60_000;

test("all that the first paint needs is at most 60 kB on the wire", async () => {
  const { page } = await chat.open();
  const session = await page.context().newCDPSession(page);
  const sizes = await countBytes(session);
  await page.goto(chat.server.url);
  await page.getByRole("button", { name: "Sign in as Ada" }).waitFor();
  await page.waitForLoadState("networkidle");
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  expect(total, JSON.stringify([...sizes])).toBeLessThanOrEqual(MOST_BYTES);
});

test.each(sampleOf("dark", "light"))(
  "while everything but the document is on its way, its shapes are seen (%s)",
  async (colorScheme) => {
    const { page } = await chat.open({ colorScheme });
    const held = await holdAssets(page);
    await page.goto(chat.server.url, { waitUntil: "commit" });
    await expect.poll(() => held.requests.length).toBeGreaterThan(0);
    await page.locator(".skeleton").waitFor();
    expect(await shades(page)).toBeGreaterThan(2);
    held.letGo();
    await page.getByRole("button", { name: "Sign in as Ada" }).waitFor();
    expect(await page.locator(".skeleton").isVisible()).toBe(false);
  },
);

test("the second round of requests has all that the page needs: no file asks for another one", async () => {
  const { page } = await chat.open();
  const held = await holdAssets(page);
  await page.goto(chat.server.url, { waitUntil: "commit" });
  // The icon may come later: it is for the tab.
  const named = await filesNamedIn(chat.server.url);
  const files = named.filter((url) => !url.endsWith("/icon.svg"));
  await expect.poll(() => files.filter((url) => !held.requests.includes(url))).toEqual([]);
  held.letGo();
  await page.getByRole("button", { name: "Sign in as Ada" }).waitFor();
  expect(held.requests.filter((url) => !named.includes(url))).toEqual([]);
});

test("loaded again, only the document is asked for, and it has not changed", async () => {
  const { page } = await chat.open();
  await page.goto(chat.server.url);
  await page.getByRole("button", { name: "Sign in as Ada" }).waitFor();
  const session = await page.context().newCDPSession(page);
  const sizes = await countBytes(session);
  await page.reload();
  await page.getByRole("button", { name: "Sign in as Ada" }).waitFor();
  const files = [...sizes].filter(([url, size]) => url.includes("/assets/") && size > 0);
  expect(files).toEqual([]);
  const address = `${chat.server.url}/`;
  const { headers } = await fetch(address);
  const again = await fetch(address, { headers: { "If-None-Match": headers.get("ETag") ?? "" } });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe("");
});

test("a conversation's address is the page; what is no such address is a 404", async () => {
  const page = await (await fetch(chat.server.url)).text();
  expect(await (await fetch(`${chat.server.url}/c/${"a".repeat(22)}`)).text()).toBe(page);
  for (const address of [`/c/${"a".repeat(21)}`, "/c/", "/c/..%2F..%2Fpackage.json", "/index.html", "/style.css"]) {
    expect((await fetch(chat.server.url + address)).status, address).toBe(404);
  }
});

test("files of the page are kept for good under their version, and compressed as the browser likes", async () => {
  const base = /\/assets\/[\w-]+\//.exec(await (await fetch(chat.server.url)).text())?.[0] ?? "";
  const plain = await ask(`${base}app.js`, "identity");
  expect(plain.headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
  expect(plain.headers.get("Content-Encoding")).toBeNull();
  for (const [accepted, encoding] of [
    ["gzip, deflate, br, zstd", "br"],
    ["gzip, br;q=0", "gzip"],
    ["deflate", null],
  ] as const) {
    const { headers, text } = await ask(`${base}app.js`, accepted);
    expect(headers.get("Content-Encoding")).toBe(encoding);
    expect(headers.get("Vary")).toBe("Accept-Encoding");
    expect(text).toBe(plain.text);
  }
  for (const name of ["api.js", "packages/marked.js", "..%2fmain.ts", "index.html", "nothing.js"]) {
    const { status, headers } = await ask(base + name, "br");
    expect(status, name).toBe(404);
    expect(headers.get("Cache-Control")).toBe("no-store");
  }
  // While a new version is rolled out.
  const other = await ask("/assets/another/app.js", "br");
  expect(other.headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(other.status).toBe(200);
  expect(other.headers.get("Cache-Control")).toBe("no-cache");
});

async function filesNamedIn(url: string): Promise<string[]> {
  const html = await (await fetch(url)).text();
  return [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, address = ""]) => new URL(address, url).href);
}

async function ask(address: string, encoding: string) {
  const response = await fetch(chat.server.url + address, { headers: { "Accept-Encoding": encoding } });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** By address; 0 for what came from the browser's cache. */
async function countBytes(session: CDPSession): Promise<ReadonlyMap<string, number>> {
  const addresses = new Map<string, string>();
  const sizes = new Map<string, number>();
  session.on("Network.requestWillBeSent", ({ requestId, request }) => addresses.set(requestId, request.url));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) =>
    sizes.set(addresses.get(requestId) ?? requestId, encodedDataLength),
  );
  await session.send("Network.enable");
  return sizes;
}

/** Nothing but the document arrives until it is let go. */
async function holdAssets(page: Page): Promise<{ readonly requests: string[]; readonly letGo: () => void }> {
  const requests: string[] = [];
  let letGo = (): void => {};
  const open = new Promise<void>((resolve) => (letGo = resolve));
  page.on("request", (request: Request) => {
    if (request.url().includes("/assets/")) requests.push(request.url());
  });
  await page.route("**/assets/**", async (route) => {
    await open;
    await route.continue();
  });
  return { requests, letGo };
}

/** How many colours a screenshot has. */
async function shades(page: Page): Promise<number> {
  const picture = (await page.screenshot()).toString("base64");
  const other = await page.context().newPage();
  const count = await other.evaluate<number>(`(async () => {
    const bitmap = await createImageBitmap(await (await fetch("data:image/png;base64,${picture}")).blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const paint = canvas.getContext("2d");
    paint.drawImage(bitmap, 0, 0);
    const { data } = paint.getImageData(0, 0, bitmap.width, bitmap.height);
    return new Set(new Uint32Array(data.buffer)).size;
  })()`);
  await other.close();
  return count;
}
