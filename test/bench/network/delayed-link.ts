// A process of its own, so that its work is not that of the program that is measured. Stands before a Redis and holds
// each reply back for the given time. `faultyProxy()` would not do: it waits by the timer, whose unit is a millisecond,
// in each direction. This one waits by the timer for whole milliseconds and by looking at the clock for the rest.
import { createServer, connect as openSocket } from "node:net";

const [host = "", port = "", delay = ""] = process.argv.slice(2);
const delayMilliseconds = Number(delay);

const server = createServer({ noDelay: true }, (client) => {
  const redis = openSocket({ host, port: Number(port), noDelay: true });
  const held: { readonly due: number; readonly chunk: Buffer }[] = [];
  client.pipe(redis);
  redis.on("data", (chunk) => {
    held.push({ due: performance.now() + delayMilliseconds, chunk });
    if (held.length === 1) wait();
  });
  redis.on("error", () => client.destroy());
  redis.on("close", () => client.destroy());
  client.on("error", () => redis.destroy());

  function wait(): void {
    for (let first = held[0]; first !== undefined && first.due <= performance.now(); first = held[0]) {
      client.write(first.chunk);
      held.shift();
    }
    const [next] = held;
    if (next === undefined) return;
    // Up to 1.2 ms late is what a timer may be on an idle machine.
    const early = Math.floor(next.due - performance.now() - 1.2);
    if (early >= 1) setTimeout(wait, early);
    else setImmediate(wait);
  }
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
// Ends with the program that started it, however that ends.
process.on("disconnect", () => process.exit());
