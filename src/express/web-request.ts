import type { IncomingMessage } from "node:http";
import type { Response as ExpressResponse } from "express";

/** Returns a Web-standard request with everything that the guard reads. The body stays with the request of Express. */
export function toWebRequest(request: IncomingMessage & { readonly originalUrl: string }): Request {
  // Not `request.headers`, which drops a second Authorization header, so that the guard could not detect it.
  const headers = new Headers();
  const { rawHeaders } = request;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? "", rawHeaders[index + 1] ?? "");
  }
  const url = `http://${headers.get("Host") ?? ""}${request.originalUrl}`;
  const { method = "GET" } = request;
  return new Request(isPossible(url) ? url : "http://host.invalid/", {
    // A Request cannot have these methods. POST stands for them, because they are not safe methods either.
    method: ["CONNECT", "TRACE", "TRACK"].includes(method.toUpperCase()) ? "POST" : method,
    headers,
  });
}

/** Returns `true` if a Request can have this URL. The stand-in for any other URL has a host that matches no origin. */
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

/** Adds the headers to the response. `Set-Cookie` is appended to the existing cookies. Other headers are replaced. */
export function addHeaders(headers: Headers, out: ExpressResponse): void {
  for (const [name, value] of headers) {
    if (name === "set-cookie") out.append(name, value);
    else out.set(name, value);
  }
}
