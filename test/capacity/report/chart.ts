import type { Need } from "../model/capacity.js";
import type { Findings } from "../run.js";
import { needsOf } from "./derived.js";
import { bytes, count, large } from "./format.js";

const WIDTH = 860;
const BARS = { x: 76, longest: 200, top: 104, step: 34, height: 18 };
const DOTS = { x: 590, length: 170, top: 104, step: 34 };
/** Where the scales begin and end: bytes of memory, by powers of ten; the fullest shard by the average one. */
const BYTES = { from: 9, to: 13.2 };
const RATIO = { from: 1, to: 3 };

/** docs/capacity.svg: what is needed, and how uneven it is. Readable on a light and on a dark page. */
export function toChart(findings: Findings): string {
  const needs = needsOf(findings);
  const owners = Math.max(...findings.simulation.map((one) => one.owners));
  const shown = findings.simulation.filter(
    (one) => one.scenario === "bytes of users" || one.scenario === "turns of users",
  );
  const rows = shown.filter((one) => one.owners === owners);
  const height = BARS.top + Math.max(needs.length * BARS.step, rows.length * DOTS.step) + 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Memory and shards by the number of conversations, and how much fuller the fullest shard is">
<style>
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #57606a }
.title { font-size: 17px; font-weight: 600 } .panel, .strong { font-weight: 600 }
.title, .panel, .strong { fill: #1f2328 }
.end { text-anchor: end } .middle { text-anchor: middle }
.bar { fill: #d1242f } .dot { fill: #d1242f } .range { stroke: #d1242f; stroke-width: 2 } .axis { stroke: #d0d7de }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 }
  .title, .panel, .strong { fill: #f0f6fc }
  .bar, .dot { fill: #ff6a5f } .range { stroke: #ff6a5f } .axis { stroke: #3d444d }
}
</style>
${text(16, 26, "What so many conversations need", "title")}
${text(16, 62, "Memory without replicas; shards of 32 GiB", "panel")}
${text(16, 80, "Each power of ten has the same length.", "")}
${text(450, 62, "The fullest shard, as a multiple of the average", "panel")}
${text(450, 80, `${count(owners)} users; mean and 95 % of the seeds.`, "")}
${bars(needs).join("\n")}
${axis(rows.length)}
${rows.map((row, index) => dot(row, index)).join("\n")}
</svg>
`;
}

function bars(needs: readonly Need[]): string[] {
  return needs.flatMap((need, index) => {
    const y = BARS.top + index * BARS.step;
    const length = Math.round(((Math.log10(need.bytes) - BYTES.from) / (BYTES.to - BYTES.from)) * BARS.longest);
    return [
      text(BARS.x - 10, y + 13, large(need.conversations), "strong end"),
      `<rect class="bar" x="${BARS.x}" y="${y}" width="${Math.max(2, length)}" height="${BARS.height}" rx="2"/>`,
      text(
        BARS.x + length + 8,
        y + 13,
        `${bytes(need.bytes)}, ${count(need.shards)} ${need.shards === 1 ? "shard" : "shards"}`,
        "strong",
      ),
    ];
  });
}

function axis(rows: number): string {
  return [1, 1.5, 2, 2.5, 3]
    .map((ratio) => {
      const x = place(ratio);
      return `<line class="axis" x1="${x}" x2="${x}" y1="${DOTS.top}" y2="${DOTS.top + rows * DOTS.step - 12}"/>\n${text(x, DOTS.top - 6, `${ratio}×`, "middle")}`;
    })
    .join("\n");
}

function dot({ scenario, shards, mean, low, high }: Findings["simulation"][number], index: number): string {
  const y = DOTS.top + index * DOTS.step + 12;
  return [
    text(DOTS.x - 14, y + 4, `${scenario.split(" ")[0]}, ${shards} shards`, "end"),
    `<line class="range" x1="${place(low)}" x2="${place(high)}" y1="${y}" y2="${y}"/>`,
    `<circle class="dot" cx="${place(mean)}" cy="${y}" r="4"/>`,
    text(place(RATIO.to) + 14, y + 4, `${mean.toFixed(2)}×`, "strong"),
  ].join("\n");
}

function place(ratio: number): number {
  return Math.round(DOTS.x + ((Math.min(ratio, RATIO.to) - RATIO.from) / (RATIO.to - RATIO.from)) * DOTS.length);
}

function text(x: number, y: number, content: string, style: string): string {
  return `<text x="${x}" y="${y}" class="${style}">${content}</text>`;
}
