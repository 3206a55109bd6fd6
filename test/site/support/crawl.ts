import type { Browser, BrowserContextOptions, Page } from "playwright-core";

/** What a browser finds on one page of the site. */
export interface VisitedPage {
  readonly status: number;
  /** The addresses of all links, with their anchors. */
  readonly links: readonly string[];
  /** The ids of all elements. */
  readonly anchors: readonly string[];
  /** Elements that reach beyond the right edge of the window, outside of any element that scrolls. */
  readonly tooWide: readonly string[];
}

const phone: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
const TABS = 3;

/**
 * Follows every link of the site from its home page, on a phone. Returns the pages by their addresses without anchors.
 * The programs of the pages do not run: the pages are complete without them, and 250 of them load in a fraction of the time.
 */
export async function crawl(browser: Browser, siteUrl: string): Promise<ReadonlyMap<string, VisitedPage>> {
  const context = await browser.newContext({ ...phone, javaScriptEnabled: false });
  const tabs = await Promise.all(Array.from({ length: TABS }, () => context.newPage()));
  const pages = new Map<string, VisitedPage>();
  for (let open = [`${siteUrl}/`]; open.length > 0;) {
    const queue = [...open];
    await Promise.all(
      tabs.map(async (tab) => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift())
          pages.set(next, await visit(tab, next));
      }),
    );
    const linked = new Set(open.flatMap((address) => pages.get(address)?.links ?? []).map(withoutAnchor));
    open = [...linked].filter((address) => address.startsWith(`${siteUrl}/`) && !pages.has(address));
  }
  await context.close();
  return pages;
}

/** Returns the one form of a page's address: a link may also name the index of a folder. */
export function withoutAnchor(link: string): string {
  return link.replace(/#.*$/, "").replace(/\/index\.html$/, "/");
}

async function visit(page: Page, address: string): Promise<VisitedPage> {
  const response = await page.goto(address);
  const found = await page.evaluate<Omit<VisitedPage, "status">>(findings);
  return { ...found, status: response?.status() ?? 0 };
}

// Run in the page as text: the tests are not compiled for a browser.
const findings = `(() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (one) => {
    for (let at = one.parentElement; at !== document.body && at !== null; at = at.parentElement) {
      const { overflowX, position } = getComputedStyle(at);
      if (overflowX === "auto" || overflowX === "scroll" || position === "fixed") return true;
    }
    return false;
  };
  return {
    links: [...document.querySelectorAll("a[href]")].map((link) => link.href),
    anchors: [...document.querySelectorAll("[id]")].map((one) => one.id),
    tooWide: [
      ...(document.documentElement.scrollWidth > width ? ["the page is " + document.documentElement.scrollWidth + " wide"] : []),
      ...[...document.querySelectorAll("main *")]
        .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > width + 1 && !scrolls(one))
        .map((one) => one.outerHTML.slice(0, 100)),
    ],
  };
})()`;
