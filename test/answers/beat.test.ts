// What several answers have to do at nearly the same time is done at once, so that their commands are written together.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onBeat } from "../../src/answers/beat.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("100 runs within a window of 50 ms are six moments at most, and none is left out", () => {
  const ran: number[] = [];
  for (let index = 0; index < 100; index++) onBeat(() => ran.push(performance.now()), index / 2, 50);
  vi.advanceTimersByTime(61);
  expect(ran).toHaveLength(100);
  expect(new Set(ran).size).toBeLessThanOrEqual(6);
});

test("nothing runs before its time, or later than a fifth of its window behind it", () => {
  for (const [time, window] of [
    [37, 50],
    [3, 5],
    [12, 1_000],
    [0, 1],
  ] as const) {
    let ranAfter: number | undefined;
    const from = performance.now();
    onBeat(() => (ranAfter = performance.now() - from), time, window);
    vi.advanceTimersByTime(time + Math.min(10, Math.max(1, window / 5)) + 1);
    expect(ranAfter).toBeGreaterThanOrEqual(time);
  }
});

test("a run that is taken back does not run, and others of the same moment do", () => {
  const ran: string[] = [];
  const cancel = onBeat(() => ran.push("first"), 20, 50);
  onBeat(() => ran.push("second"), 20, 50);
  cancel();
  cancel();
  vi.advanceTimersByTime(40);
  expect(ran).toEqual(["second"]);
  expect(vi.getTimerCount()).toBe(0);
  onBeat(() => ran.push("third"), 20, 50)();
  expect(vi.getTimerCount()).toBe(0);
});

test("a run may ask for the next one", () => {
  let ran = 0;
  const again = (): void => {
    ran += 1;
    if (ran < 4) onBeat(again, 50, 50);
  };
  onBeat(again, 50, 50);
  vi.advanceTimersByTime(300);
  expect(ran).toBe(4);
});
