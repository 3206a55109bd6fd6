import { setTimeout as pause } from "node:timers/promises";

/**
 * Yields the steps of a scan. Pauses after each step for as long as the step and the work for it took, so a scan takes
 * at most half of Redis's time, and less if Redis is busy.
 */
export async function* paced<Step>(steps: AsyncIterable<Step>): AsyncGenerator<Step> {
  let began = performance.now();
  for await (const step of steps) {
    yield step;
    await pause(performance.now() - began);
    began = performance.now();
  }
}
