import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";

/** Writes a Web-standard response to a response of Node or Express. */
export async function send(response: Response, out: ServerResponse): Promise<void> {
  out.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) return void out.end();
  await pipeline(Readable.fromWeb(response.body as ReadableStream), out).catch((error) => {
    if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error; // That one means that the reader left.
  });
}
