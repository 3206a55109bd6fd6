import { onTestFinished } from "vitest";

/** The warnings of Node that the running test hears, from the call on. Node tells a warning after what runs at the moment. */
export function heardWarnings(): readonly Error[] {
  const heard: Error[] = [];
  const hear = (warning: Error): void => void heard.push(warning);
  process.on("warning", hear);
  onTestFinished(() => void process.off("warning", hear));
  return heard;
}
