// A process of its own, so that its work is not that of the program that is measured. Stands before a Redis and holds
// each reply back for the given time. `faultyProxy()` would not do: it waits by the timer, whose unit is a millisecond,
// in each direction.
import { createServer, connect as openSocket } from "node:net";
import { Alarm, now } from "./alarm.js";

const [host = "", port = "", delay = ""] = process.argv.slice(2);
const delayMilliseconds = Number(delay);

/** Of all connections, so in the order in which they are due. */
const held: { readonly due: number; readonly send: () => void }[] = [];
const alarm = await Alarm.start(sendWhatIsDue);

function sendWhatIsDue(): void {
  for (let first = held[0]; first !== undefined && first.due <= now(); first = held[0]) {
    first.send();
    held.shift();
  }
  if (held[0] !== undefined) alarm.set(held[0].due);
}

const server = createServer({ noDelay: true }, (client) => {
  const redis = openSocket({ host, port: Number(port), noDelay: true });
  client.pipe(redis);
  redis.on("data", (chunk) => {
    const due = now() + delayMilliseconds;
    held.push({ due, send: () => client.write(chunk) });
    if (held.length === 1) alarm.set(due);
  });
  redis.on("error", () => client.destroy());
  redis.on("close", () => client.destroy());
  client.on("error", () => redis.destroy());
});

server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : undefined);
});
// Ends with the program that started it, however that ends.
process.on("disconnect", () => process.exit());
