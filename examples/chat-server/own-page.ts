import { ServiceError } from "./problems.js";

/**
 * Refuses what a page of another site can send without asking: a form, or a fetch that browsers call simple. For routes
 * that take no `Authorization`, which no such request has. Body and headers are not read before.
 *
 * @throws ServiceError `CROSS_SITE_REQUEST`, `BODY_NOT_JSON`.
 */
export function refuseOtherSites({ headers, url }: Request): void {
  const site = headers.get("Sec-Fetch-Site");
  const origin = headers.get("Origin");
  // "none": typed by the user. A browser without Sec-Fetch-Site has Origin; what has neither is no browser.
  const ownPage = site === null ? origin === null || isOf(origin, url) : site === "same-origin" || site === "none";
  if (!ownPage) throw new ServiceError("CROSS_SITE_REQUEST");
  // Of this type browsers send nothing to another site before that has allowed it.
  const type = headers.get("Content-Type") ?? "";
  if (!/^application\/json[ \t]*(?:;|$)/i.test(type)) throw new ServiceError("BODY_NOT_JSON");
}

/** By host: behind a proxy that ends TLS the scheme seen here is not the browser's. */
function isOf(origin: string, url: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(url).host;
}
