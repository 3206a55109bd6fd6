import type { AnswerFindings } from "../answers/measure.js";
import { OPEN, type Told } from "../answers/killed.js";
import { RESUMABLE_STREAM } from "../answers/streams.js";
import type { Ratio } from "../measure/statistics.js";
import { OURS } from "../workloads/names.js";
import { formatKilobytes, formatMilliseconds, formatRatio } from "./find.js";
import { table } from "./table.js";

/** The default of `begin`. */
const WINDOW_MILLISECONDS = 50;

const about =
  "`sessions.answers()` beside `resumable-stream` and `assistant-stream`, with the settings that each has by itself, " +
  "over ioredis. The three do not promise the same. `resumable-stream` keeps the text in the process that answers, and " +
  "publishes each chunk to each reader that asked; Redis has a mark. `assistant-stream` adds each chunk to a stream in " +
  "Redis, which readers poll every 100 ms, and the request that asked is one of them. Neither knows the conversation: " +
  "the question, and storing the answer, are the caller's.";

/** The section of docs/benchmark.md on answers in flight. */
export function answerSection(findings: AnswerFindings): string {
  const { machine, ping, roundTrips } = findings;
  const { plain, answer, batches, tokens } = roundTrips;
  return [
    "## Answers in flight",
    about,
    `${machine.date}: ${machine.cpu}, ${machine.cores} cores; Node ${machine.node}, Redis ${machine.redis}; a PING takes ${formatMilliseconds(ping)}. In the minute before, the load of the machine was ${machine.load.toFixed(1)}.`,
    targets(findings),
    "### The request that asks",
    '`RunnableWithSession` with `concurrency: "wait"` over a model that streams, without an answer and with one to ' +
      "which each token is sent: from the call to the first token, and to the end, when the turn is stored and the " +
      "answer closed. Medians of rounds in which both take turns, after 100 short turns of each.",
    askerTable(findings),
    `Round trips that the caller waits for: ${plain} without an answer, ${answer} with one. Counted at the wire, on the connection of commands, in a turn to which nothing is sent. With ${tokens} tokens ${batches} batches come beside; the caller waits for none of them, but for one that is under way when the answer is closed. Where the process does not listen to the conversation yet, both turns also subscribe to it on another connection, and ask once whether they have to stop; nobody waits for that.`,
    "### What an answer asks of Redis",
    costsAbout(findings),
    costsTable(findings),
    "### How late a follower hears",
    "From `send` in one process to the follower in another, by the clock that both share. The events of this library " +
      "wait for their batch: half the window in the middle, the whole of it at most. A shorter `window` is a smaller lag " +
      "for more scripts.",
    lagTable(findings),
    "### Many at once",
    "Two Node processes, each with half of the answers and the followers of the other half. Shares are of one " +
      "processor. Redis, both processes and whatever else the machine does share its cores (see the load above): where they " +
      "have none left, the lag is that of waiting for a processor." +
      (findings.crowdRounds > 1
        ? ` Measured ${findings.crowdRounds} times by turns; a row is the one whose p99 is in the middle.`
        : ""),
    crowdTable(findings),
    "### When the process that answers is killed",
    "SIGKILL in the middle. A reader was following, and another one comes afterwards. Times are since the end of the " +
      "process. This library's lease is the default in a full run.",
    killedTable(findings),
    killedNote(findings),
  ].join("\n\n");
}

type Row = readonly [what: string, limit: string, measured: string, verdict: string];

function targets(findings: AnswerFindings): string {
  const { asker, roundTrips, costs, lags, crowds, ping } = findings;
  const ratios = asker.flatMap((one): Row[] => [
    ratioRow(`First token ÷ without an answer; ${askingName(one)}`, one.firstRatio),
    ratioRow(`Whole turn ÷ without an answer; ${askingName(one)}`, one.totalRatio),
  ]);
  const alone = costs.find(({ candidate, followers }) => candidate === OURS && followers === 0);
  const lag = lags.find(({ candidate }) => candidate === OURS);
  const ours = crowds.filter(({ candidate }) => candidate === OURS);
  const bound = WINDOW_MILLISECONDS + 50;
  const holding = ours.findLast(({ p99, heard, sent }) => p99 <= bound && heard === sent);
  return table(
    ["", "target", "measured", ""],
    [
      ...ratios,
      countRow("Round trips more than `wait`", 1, roundTrips.answer - roundTrips.plain),
      ...(alone ? [countRow("Scripts a second of a running answer", 20, alone.scriptsPerSecond)] : []),
      ...(lag ? [timeRow("Lag of a follower, p50", WINDOW_MILLISECONDS + ping, lag.p50)] : []),
      ...ours.map(({ answers, p99 }) => timeRow(`Lag with ${amount(answers)} answers, p99`, bound, p99)),
    ],
  ).concat(
    ours.length > 1
      ? `\n\nThe most answers at once, of those tried, within ${bound} ms: ${holding ? amount(holding.answers) : "none"}.`
      : "",
  );
}

function ratioRow(what: string, ratio: Ratio): Row {
  const limit = 1.05;
  const noise = ratio.low <= limit && ratio.high > limit ? ", within the noise" : "";
  return [what, `≤ ${limit}×`, formatRatio(ratio), `${ratio.value <= limit ? "reached" : "not reached"}${noise}`];
}

function countRow(what: string, limit: number, measured: number): Row {
  return [what, `≤ ${limit}`, String(Number(measured.toPrecision(3))), measured <= limit ? "reached" : "not reached"];
}

function timeRow(what: string, limit: number, measured: number): Row {
  const verdict = measured <= limit ? "reached" : "not reached";
  return [what, `≤ ${formatMilliseconds(limit)}`, formatMilliseconds(measured), verdict];
}

function askingName({ delayMilliseconds, firstMilliseconds }: AnswerFindings["asker"][number]): string {
  const distance = delayMilliseconds === 0 ? "loopback" : `${delayMilliseconds} ms away`;
  return `first token after ${firstMilliseconds} ms, ${distance}`;
}

function askerTable({ asker }: AnswerFindings): string {
  return table(
    ["model", "tokens", "first token", "ratio", "whole turn", "ratio"],
    asker.map((one) => [
      askingName(one),
      `${one.tokens}, every ${one.everyMilliseconds} ms`,
      one.first.map(formatMilliseconds).join(" → "),
      formatRatio(one.firstRatio),
      one.total.map(formatMilliseconds).join(" → "),
      formatRatio(one.totalRatio),
    ]),
  );
}

function costsAbout({ costs: [one] }: AnswerFindings): string {
  if (one === undefined) return "";
  return (
    `One answer of ${amount(one.tokens)} tokens of about five bytes, one every ${one.everyMilliseconds} ms, from begin to the last event, alone and with a follower, whose commands are counted too. ` +
    "With this library, storing the turn is in the counts, and kept are the keys that can be followed and remember operation ids; of the others, every key."
  );
}

function costsTable({ costs }: AnswerFindings): string {
  return table(
    ["candidate", "followers", "commands", "of them scripts", "scripts a second", "sent", "received", "kept", "for"],
    costs.map(({ candidate, followers, commands, scripts, scriptsPerSecond, sent, received, kept, keptSeconds }) => [
      candidate,
      String(followers),
      amount(commands),
      amount(scripts),
      scriptsPerSecond.toFixed(1),
      formatKilobytes(sent),
      formatKilobytes(received),
      formatKilobytes(kept),
      keptSeconds < 3_600 ? `${(keptSeconds / 60).toFixed(1)} min` : `${(keptSeconds / 3_600).toFixed(0)} h`,
    ]),
  );
}

function lagTable({ lags }: AnswerFindings): string {
  return table(
    ["candidate", "p50", "p99", "chunks"],
    lags.map(({ candidate, p50, p99, beat, rounds }) => [
      candidate,
      formatMilliseconds(p50),
      formatMilliseconds(p99),
      `${rounds} × ${beat.chunks}, every ${beat.everyMilliseconds} ms`,
    ]),
  );
}

function crowdTable({ crowds }: AnswerFindings): string {
  return table(
    ["answers", "candidate", "tokens a second", "p50", "p99", "heard", "Redis", "Node", "sending took"],
    crowds.map(({ answers, candidate, everyMilliseconds, p50, p99, heard, sent, redis, processes, slower }) => [
      amount(answers),
      candidate,
      amount(Math.round((answers * 1_000) / everyMilliseconds)),
      formatMilliseconds(p50),
      formatMilliseconds(p99),
      heard === sent ? "all" : `${amount(heard)} of ${amount(sent)}`,
      percent(redis),
      processes.map(percent).join(", "),
      `${slower.toFixed(2)}×`,
    ]),
  );
}

function killedTable({ killed }: AnswerFindings): string {
  return table(
    ["candidate", "who followed", "who came afterwards", "what a later request finds"],
    killed.map(({ candidate, follower, resumed, state, question }) => [
      candidate,
      told(follower),
      told(resumed),
      `${state}; ${question === undefined ? "no question" : `the question: “${question}”`}`,
    ]),
  );
}

function told({ chunks, end, milliseconds }: Told): string {
  const heard = chunks === 0 ? "nothing" : `${chunks} chunks`;
  return end === OPEN
    ? `${heard}, and no end within ${formatMilliseconds(milliseconds)}`
    : `${heard}, and “${end}” after ${formatMilliseconds(milliseconds)}`;
}

function killedNote({ killed: [one] }: AnswerFindings): string {
  if (one === undefined) return "";
  return `The process had sent ${one.chunks + 1} chunks; the lease was ${one.lease}. The last batch of this library, up to a window of events, dies with its process. \`${RESUMABLE_STREAM}\` says "true" for a stream that is under way, for 24 hours.`;
}

function amount(value: number): string {
  return value.toLocaleString("en");
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
