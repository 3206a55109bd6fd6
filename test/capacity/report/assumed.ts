import { table } from "../../bench/report/table.js";
import { seededRandom } from "../../bench/measure/random.js";
import { assumptions } from "../model/assumptions.js";
import type { Findings } from "../run.js";
import { momentsOf, type Spread } from "../workload/spread.js";
import { world } from "../workload/world.js";
import { needsOf } from "./derived.js";
import { count, digits, percent } from "./format.js";

/** Everything on the page that is nobody's measurement. */
export function assumptionTable(findings: Findings): string {
  const average = needsOf(findings)[0]?.average;
  const spread = (what: string, one: Spread, unit: string): string[] => [
    what,
    `log-normal: median ${digits(one.median)}, σ ${one.sigma}, ${count(one.least)} to ${count(one.most)}; mean ${digits(momentsOf(one, seededRandom(11)).mean)} ${unit}`,
  ];
  return table(
    ["assumption", ""],
    [
      spread("turns a conversation", world.turnsPerConversation, "turns"),
      spread("a question", world.questionBytes, "bytes"),
      spread("an answer", world.answerBytes, "bytes"),
      spread("the result of a tool", world.toolResultBytes, "bytes"),
      [
        "turns that call a tool",
        `${percent(world.toolTurns, 0)}: four messages, not two; ${digits(average?.messagesPerTurn ?? 0)} on average`,
      ],
      spread("conversations a user", world.conversationsPerUser, "conversations"),
      ["users of whom the agent remembers something", percent(world.remembered, 0)],
      spread("values remembered of one of them", world.valuesPerMemory, "values"),
      spread("a value", world.valueBytes, "bytes"),
      ["standalone histories", `none in the answers; ${percent(world.standalone, 0)} of the conversations in the run`],
      ["kept after the last turn (`conversationTtl`, `ttl`)", `${assumptions.retentionDays} days`],
      ["turns a second", "conversations × turns ÷ retention: as many come as go"],
      ["peak ÷ average", `${assumptions.peakToMean}`],
      ["one turn of an active user", `every ${assumptions.secondsBetweenTurns} s`],
      ["conversations a session", `${assumptions.conversationsPerSession}`],
      ["idle timeout of a session", `${assumptions.idleHours} hours`],
      ["memory of a shard", `${assumptions.shardGiB} GiB, of which ${percent(assumptions.usableMemory, 0)} for data`],
      ["processor of a shard", `one core, of which ${percent(assumptions.usableCpu, 0)} at the peak`],
      ["replicas of a shard", `${assumptions.replicas}`],
      ["`window`, `maxMessages`", "none"],
    ],
  );
}
