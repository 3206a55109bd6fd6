import type { IncomingMessage } from "node:http";
import type { Response as ExpressResponse } from "express";

/** What the guard looks at, as a Web-standard request. The body stays with Express. */
export function toWebRequest(request: IncomingMessage & { readonly originalUrl: string }): Request {
  // Not `request.headers`: there a second Authorization header is dropped, and a duplicate would not show.
  const headers = new Headers();
  const { rawHeaders } = request;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
  }
  const url = `http://${headers.get("Host") ?? ""}${request.originalUrl}`;
  const { method = "GET" } = request;
  return new Request(isPossible(url) ? url : "http://host.invalid/", {
    // What a Request cannot be, the guard takes for what it is: no mere reading.
    method: ["CONNECT", "TRACE", "TRACK"].includes(method.toUpperCase()) ? "POST" : method,
    headers,
  });
}

/** Of a host that cannot be one no origin is the same. */
function isPossible(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password } = new URL(url);
  return username === "" && password === "";
}

export async function send(response: Response, out: ExpressResponse): Promise<void> {
  out.status(response.status);
  addHeaders(response.headers, out);
  out.end(Buffer.from(await response.arrayBuffer()));
}

/** Cookies are added to those that are there already; anything else is replaced. */
export function addHeaders(headers: Headers, out: ExpressResponse): void {
  for (const [name, value] of headers) {
    if (name === "set-cookie") out.append(name, value);
    else out.set(name, value);
  }
}
