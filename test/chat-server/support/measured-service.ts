// The service, which says on SIGUSR2 how much of its heap is left after a collection.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

process.on("SIGUSR2", () => void measure());
await import("../../../examples/chat-server/main.js");

async function measure(): Promise<void> {
  // What a finalizer lets go of is collected by the next one.
  for (let round = 0; round < 4; round++) {
    collectGarbage();
    await new Promise(setImmediate);
  }
  process.stdout.write(`heap ${process.memoryUsage().heapUsed}\n`);
}
