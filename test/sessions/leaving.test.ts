// A program that has closed its store ends as soon as it has nothing to do, whatever came first.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import { builtProgram } from "../support/built-program.js";

const run = promisify(execFile);
const program = builtProgram(fileURLToPath(new URL("support/leaving-process.ts", import.meta.url)));
const { single } = inject("servers");

test.concurrent.each([
  ["the turn ends and the store is closed", "end, close", 2],
  ["the store is closed and the turn ends", "close, end", 2],
  ["the store is closed before another turn begins", "close, begin, end", 4],
  ["the store is closed before a signal is asked for", "close, signal", 2],
])(
  "a program ends at once after %s",
  async (_order, order, messages) => {
    const { stdout } = await run(process.execPath, [program, `redis://${single.host}:${single.port}`, order]);
    expect(stdout).toBe(`${messages} messages\n`);
  },
  90_000,
);

test("control: the same program without close() is kept for a while by its subscriber", async () => {
  const { stdout } = await run(process.execPath, [program, `redis://${single.host}:${single.port}`, "end"]);
  expect(stdout).toMatch(/kept by .*TCPSocketWrap/);
}, 90_000);
