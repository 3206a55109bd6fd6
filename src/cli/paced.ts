import { setTimeout as pause } from "node:timers/promises";

/**
 * Yields the steps of a scan, and leaves Redis alone after each for as long as it took with what was done for it. A scan then
 * takes half of what Redis could give it at most, and less where Redis is busy.
 */
export async function* paced<Step>(steps: AsyncIterable<Step>): AsyncGenerator<Step> {
  let began = performance.now();
  for await (const step of steps) {
    yield step;
    await pause(performance.now() - began);
    began = performance.now();
  }
}
