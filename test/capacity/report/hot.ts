import { table } from "../../bench/report/table.js";
import { assumptions } from "../model/assumptions.js";
import { largestUser, turnInConversation } from "../model/hot-user.js";
import { TENANT_PART } from "../simulation/unevenness.js";
import type { Findings } from "../run.js";
import { measuredOf } from "./derived.js";
import { bytes, count, digits, microseconds, percent } from "./format.js";
import { unevennessTable } from "./tables.js";

export function hotSection(findings: Findings): string {
  const measured = measuredOf(findings);
  const { conversations, turnsPerSecond } = largestUser(measured, assumptions);
  const owners = Math.max(...findings.simulation.map((one) => one.owners));
  const tenant = findings.simulation.findLast((one) => one.scenario === "bytes of one tenant's users");
  return `All that a user owns is in one slot, so that limits and endings are atomic; a standalone history has a slot of its own. The program spreads users by the library's own keys (SHA-256 of organisation and user, CRC16, slots in even ranges) and weighs the fullest shard.

${unevennessTable(findings)}

*${findings.plan.simulation.seeds} seeds each. The formula is slots a shard, rounded up, × (1 + √(2 ln shards) × √((1 + v²) × shards ÷ owners)), with v the standard deviation of what an owner has, divided by its mean; the answers above use it. "Turns of users" is log-normal with σ 1.5; "Zipf" gives the n-th user 1/n of the first one's turns, which is a hot user.*

- **Memory and turns become uneven when shards have few users.** It is users a shard that count, not users: with as many a shard, more shards are little worse. For 300 shards ${count(owners)} users are few.
- **A hot user.** At the average turn of this page a shard does ${count(turnsPerSecond)} turns a second with ${percent(assumptions.usableCpu, 0)} of a core, and all of them may be one user's. A user who makes a part f of all turns loads their shard with 1 + f × (shards − 1) times the average:

${table(
  ["part of all turns", ...[3, 30, 300].map((shards) => `${shards} shards`)],
  [0.0001, 0.001, 0.01, 0.1].map((part) =>
    [percent(part, 2)].concat([3, 30, 300].map((shards) => `${(1 + part * (shards - 1)).toFixed(2)}×`)),
  ),
)}

- **The largest user** that one shard can carry, alone on it: ${digits(conversations / 1e6)} M conversations, ${count(turnsPerSecond)} turns a second. More shards do not help them. A program that talks on behalf of many under one \`userId\` is such a user: give each of those people a \`userId\`.
- **A hot conversation.** A turn reads what there is:

${table(["messages in it", "processor time a turn", "network out a turn", "turns a second, one shard"], [0, 10, 100, 1_000, 10_000].map((messages) => hotRow(count(messages), turnInConversation(messages, measured, assumptions))).concat([hotRow("10,000, `window: { messages: 20 }`", turnInConversation(10_000, measured, { ...assumptions, window: 20 }))]))}

- **A hot shard** without a hot user has too many slots, or users who happen to be there. Move slots (\`redis-cli --cluster reshard\`); sessions and histories go on meanwhile, and whatever a slot holds moves as one. A hot user is helped by moving the *other* slots away.
- **A huge tenant** is many users, and spreads like users: of ${count(owners)} users ${percent(TENANT_PART, 0)} belong to one organisation, and at ${tenant?.shards ?? 0} shards the fullest has ${tenant?.mean.toFixed(2)}× the tenant's average. The organisation is part of the hash, not a place of its own.`;
}

function hotRow(what: string, cost: ReturnType<typeof turnInConversation>): string[] {
  return [what, microseconds(cost.cpuMicroseconds), bytes(cost.bytesOut), count(cost.turnsPerSecond)];
}
