// A process of its own that answers, follows answers, or does both. Its program is told what to do by messages.
import { setTimeout as pause } from "node:timers/promises";
import { openStreams, type Sender } from "./streams.js";

/** What a worker is told to do. */
export type Order =
  /** Begins answers. */
  | { readonly do: "begin"; readonly places: readonly string[] }
  /** Follows answers to their ends. Done when all have been heard of. */
  | { readonly do: "follow"; readonly places: readonly string[] }
  /** Sends a chunk to each answer that was begun, every so often, and so many of them that do not count before. */
  | { readonly do: "send"; readonly chunks: number; readonly warmUp: number; readonly everyMilliseconds: number }
  /** Ends the answers that were begun. */
  | { readonly do: "close" }
  /** Done when all that is followed has ended. Reports how late chunks came. */
  | { readonly do: "report" };

export interface Report {
  /** Milliseconds from the moment in which a chunk was sent to that in which it arrived. */
  readonly lags: readonly number[];
  /** How much of a processor the process used while it sent. */
  readonly processor: number;
}

const [name = "", url = "", keyPrefix = "", lease = ""] = process.argv.slice(2);
const streams = await openStreams(name, { url, keyPrefix, lease: lease as `${number}s` });
const senders: Sender[] = [];
const followed: Promise<void>[] = [];
const lags: number[] = [];
let processor = 0;

process.on("message", (order: Order) => {
  void obey(order).then((done) => process.send?.(done ?? null));
});
// Ends with the program that started it, however that ends.
process.on("disconnect", () => process.exit());

async function obey(order: Order): Promise<Report | undefined> {
  if (order.do === "begin") await begin(order.places);
  else if (order.do === "follow") await Promise.all(order.places.map((place) => heardOf(place)));
  else if (order.do === "send") await send(order);
  else if (order.do === "close") await Promise.all(senders.splice(0).map((sender) => sender.close()));
  else {
    await Promise.all(followed.splice(0));
    return { lags: lags.splice(0), processor };
  }
  return undefined;
}

/** Each answer begins with a chunk by which a follower knows that it hears it. */
async function begin(places: readonly string[]): Promise<void> {
  for (const place of places) {
    const sender = await streams.begin(place);
    sender.send("-\n");
    senders.push(sender);
  }
}

async function heardOf(place: string): Promise<void> {
  await new Promise<void>((resolve) => {
    followed.push(
      (async () => {
        for await (const text of streams.follow(place)) {
          const arrived = now();
          resolve();
          // A candidate may hand out several chunks as one.
          for (const line of text.split("\n")) if (/^\d/.test(line)) lags.push(arrived - Number.parseFloat(line));
        }
      })(),
    );
  });
}

async function send({ chunks, warmUp, everyMilliseconds }: Order & { do: "send" }): Promise<void> {
  const cpu = process.cpuUsage();
  const started = now();
  await Promise.all(
    senders.map(async (sender, index) => {
      // As many models do not speak in step, each answer has its own beat.
      const first = started + (everyMilliseconds * index) / senders.length;
      for (let chunk = 0; chunk < warmUp + chunks; chunk++) {
        const left = first + chunk * everyMilliseconds - now();
        if (left > 0) await pause(left);
        sender.send(chunk < warmUp ? "- fox\n" : `${now().toFixed(3)} fox\n`);
      }
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  processor = (user + system) / 1_000 / (now() - started);
}

/** Milliseconds by a clock that all processes of a machine share, and that is never set. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1_000_000;
}

process.send?.("ready");
