import type { Ability, Kind, Place } from "./place.js";

/** What a saver promises: a claim, and the check that fails when the claim does not hold. */
export interface SaverPromise {
  readonly claim: string;
  readonly holds: (place: Place) => Promise<void>;
  /** Savers that break it. Each of them must make the check fail. */
  readonly controls: readonly Kind[];
  /** Absent: it holds of every saver of this library. */
  readonly needs?: Ability;
}
