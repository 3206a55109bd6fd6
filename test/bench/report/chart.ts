import type { Condition } from "../plan.js";
import type { Findings } from "../run.js";
import { COMMUNITY, EXPRESS_SESSION, OURS, RAW, REDIS_PACKAGE } from "../workloads/names.js";
import { BY_HAND, underHistory, withSession } from "../workloads/turn.js";
import { formatMilliseconds, LOOPBACK, ONE_MILLISECOND, resultOf } from "./find.js";

type Kind = "ours" | "peer" | "limit";
type Bar = readonly [kind: Kind, label: string, candidate: string];

const peers: Bar[] = [
  ["ours", "this library", OURS],
  ["peer", COMMUNITY, COMMUNITY],
  ["peer", REDIS_PACKAGE, REDIS_PACKAGE],
  ["limit", RAW, RAW],
];
const groups: readonly { readonly title: string; readonly workload: string; readonly bars: readonly Bar[] }[] = [
  { title: "Store a turn", workload: "append", bars: peers },
  { title: "Read 100 messages", workload: "read-100", bars: peers },
  {
    title: "Turn, instant model",
    workload: "turn",
    bars: [
      ["ours", "this library", withSession("allow")],
      ["peer", COMMUNITY, underHistory(COMMUNITY)],
      ["peer", REDIS_PACKAGE, underHistory(REDIS_PACKAGE)],
      ["limit", RAW, BY_HAND],
    ],
  },
  {
    title: "Verify a session",
    workload: "verify",
    bars: [
      ["ours", "this library", OURS],
      ["peer", "connect-redis", EXPRESS_SESSION],
      ["limit", RAW, RAW],
    ],
  },
];

const WIDTH = 860;
const LABEL_END = 178;
const BAR = { height: 15, step: 20, longest: 230 };
const PANELS = [
  { title: "Redis on the same machine", condition: LOOPBACK, x: 190 },
  { title: "Redis 1 ms away", condition: ONE_MILLISECOND, x: 530 },
];
const TOP = 92;

/** docs/benchmark.svg: short bars are fast. Readable on a light and on a dark page. */
export function toChart(findings: Findings): string {
  let y = TOP;
  const body: string[] = [];
  for (const { title, workload, bars } of groups) {
    body.push(text(LABEL_END, y, title, "group end"));
    y += 11;
    for (const [kind, label] of bars) {
      body.push(text(LABEL_END, y + 12, label, `${kind === "ours" ? "strong" : "label"} end`));
      y += BAR.step;
    }
    y -= bars.length * BAR.step;
    for (const { condition, x } of PANELS) body.push(...panel(findings, { workload, bars, condition }, x, y));
    y += bars.length * BAR.step + 27;
  }
  const height = y - 8;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Median times of this library beside its peers">
<style>
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #57606a }
.title { font-size: 17px; font-weight: 600 } .group, .panel, .strong { font-weight: 600 }
.title, .group, .panel, .strong { fill: #1f2328 }
.end { text-anchor: end }
rect.ours { fill: #d1242f } rect.peer { fill: #8c959f } rect.limit { fill: none; stroke: #8c959f; stroke-dasharray: 3 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 }
  .title, .group, .panel, .strong { fill: #f0f6fc }
  rect.ours { fill: #ff6a5f } rect.peer { fill: #656c76 } rect.limit { stroke: #656c76 }
}
</style>
${text(16, 26, "How long it takes: shorter is better", "title")}
${text(16, 46, "Median time of one operation. Each group has a scale of its own. Dashed: plain Redis commands and JSON, no promise kept.", "label")}
${PANELS.map(({ title, x }) => text(x, 72, title, "panel")).join("\n")}
${body.join("\n")}
</svg>
`;
}

function panel(
  findings: Findings,
  { workload, bars, condition }: { workload: string; bars: readonly Bar[]; condition: Condition },
  x: number,
  top: number,
): string[] {
  const times = bars.map(([, , candidate]) => resultOf(findings, workload, condition, candidate).median);
  const longest = Math.max(...times);
  return bars.flatMap(([kind], index) => {
    const time = times[index] ?? Number.NaN;
    const length = Math.max(2, Math.round((time / longest) * BAR.longest));
    const y = top + index * BAR.step;
    return [
      `<rect class="${kind}" x="${x + 0.5}" y="${y + 0.5}" width="${length}" height="${BAR.height}" rx="2"/>`,
      text(x + length + 7, y + 12, formatMilliseconds(time), kind === "ours" ? "strong" : "label"),
    ];
  });
}

function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${x}" y="${y}" class="${style}">${content}</text>`;
}
