import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { launchChromium } from "../browser/support/browser.js";

const siteUrl = inject("siteUrl");
let browser: Browser | undefined;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser?.close());

async function searchFor(words: string): Promise<Page> {
  if (browser === undefined) throw new Error("There is no browser.");
  const page = await browser.newPage();
  await page.goto(siteUrl);
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("searchbox").fill(words);
  await page.getByRole("option").first().waitFor();
  return page;
}

test("a search for a word leads to a page that has it", async () => {
  const page = await searchFor("noeviction");
  await page.getByRole("option").first().click();
  await page.waitForURL((url) => url.pathname !== "/");
  await expect.poll(() => page.locator("main").textContent()).toMatch(/noeviction/i);
  await page.close();
});

test("a search for an error leads to its page in the reference", async () => {
  const page = await searchFor("StoreUnavailableError");
  await page.locator('[role=option] a[href*="/classes/StoreUnavailableError.html"]').first().click();
  await page.getByRole("heading", { level: 1, name: "StoreUnavailableError" }).waitFor();
  await page.close();
});

test("a search for an option leads to its description", async () => {
  const page = await searchFor("maxMessageBytes");
  await page.locator('[role=option] a[href*="StoreOptions.html#maxmessagebytes"]').first().click();
  await page.getByRole("heading", { level: 3, name: "maxMessageBytes?" }).waitFor();
  await page.close();
});
