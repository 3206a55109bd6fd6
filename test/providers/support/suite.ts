import { afterAll, beforeAll, describe } from "vitest";
import type { Api } from "./api.js";
import { apis } from "./apis.js";
import { Endpoint } from "./endpoint.js";

/** Tests for each API, with an endpoint of its own. */
export function forEachApi(define: (api: Api, endpoint: () => Endpoint) => void): void {
  for (const api of apis) {
    // eslint-disable-next-line vitest/valid-title
    describe(api.name, () => {
      let endpoint: Endpoint;
      beforeAll(async () => {
        endpoint = await Endpoint.start(api);
      });
      afterAll(async () => {
        await endpoint[Symbol.asyncDispose]();
      });
      define(api, () => endpoint);
    });
  }
}
