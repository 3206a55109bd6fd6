import type { Findings } from "../run.js"; export function answerTable(_: Findings): string { return ""; }
