import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { launchChromium } from "../browser/support/browser.js";
import { illegibleTexts } from "../browser/support/legibility.js";
import { amount } from "../support/amount.js";
import { crawl, type VisitedPage, withoutAnchor } from "./support/crawl.js";

const siteUrl = inject("siteUrl");
let browser: Browser | undefined;
let pages: ReadonlyMap<string, VisitedPage> = new Map();

beforeAll(async () => {
  browser = await launchChromium();
  pages = await crawl(browser, siteUrl);
});
afterAll(() => browser?.close());

/**
 * Pages of every kind: all pages have the same colours. Of the reference, the class with the longest page, the one with the
 * longest name, options, and an index.
 */
const samples = [
  "/",
  "/overview.html",
  "/tutorials/agent.html",
  "/how-to/express.html",
  "/errors.html",
  "/redis.html",
  "/benchmark.html",
  "/reference/root/",
  "/reference/root/classes/SessionStore.html",
  "/reference/root/classes/ReauthenticationRequiredError.html",
  "/reference/root/interfaces/StoreOptions.html",
];

/** Returns the paths of all pages. */
const paths = (): string[] => [...pages.keys()].map((address) => address.slice(siteUrl.length));

/** Returns what `find` finds, for each page on which it finds something. */
function onEachPage(find: (page: VisitedPage) => readonly string[]): object {
  const found = [...pages].map(([address, page]) => [address.slice(siteUrl.length), find(page)] as const);
  return Object.fromEntries(found.filter(([, list]) => list.length > 0));
}

test("the links from the home page lead to every part of the site", () => {
  expect(paths()).toEqual(expect.arrayContaining(["/overview.html", "/redis.html", "/changelog.html", "/reference/"]));
  expect(paths().length).toBeGreaterThan(100);
});

test("every link on every page leads to a page, and to an anchor on it", () => {
  const isDead = (link: string): boolean => {
    if (!link.startsWith(`${siteUrl}/`)) return false;
    const target = pages.get(withoutAnchor(link));
    const { hash } = new URL(link);
    return target?.status !== 200 || (hash !== "" && !target.anchors.includes(decodeURIComponent(hash.slice(1))));
  };
  expect(onEachPage(({ links }) => links.filter(isDead))).toEqual({});
});

test("on a phone, nothing on any page is wider than the screen, unless it scrolls inside", () => {
  expect(onEachPage(({ tooWide }) => tooWide)).toEqual({});
});

test.each(["light", "dark"] as const)(
  "in %s colours every text is legible, and no page throws or asks another host",
  async (colorScheme) => {
    const context = await browser?.newContext({ colorScheme, viewport: { width: 1280, height: 900 } });
    if (context === undefined) throw new Error("There is no browser.");
    const faults: string[] = [];
    await context.route(
      (url) => url.protocol !== "data:" && url.origin !== siteUrl,
      async (route) => {
        faults.push(`${route.request().frame().url()} asks for ${route.request().url()}`);
        await route.abort();
      },
    );
    const page = await context.newPage();
    page.on("pageerror", (error) => faults.push(`${page.url()}: ${error}`));
    for (const path of amount(samples, paths())) {
      await page.goto(siteUrl + path);
      await page.locator(colorScheme === "dark" ? "html.dark" : "html:not(.dark)").waitFor();
      for (const text of await illegibleTexts(page)) faults.push(`${path} has an illegible text: ${text}`);
    }
    await context.close();
    expect(faults).toEqual([]);
  },
);
