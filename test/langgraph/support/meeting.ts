/** Where runs wait for each other, or for the test. */
export interface Meeting {
  /** Waits until everybody who is expected is here, or is known to come no more. */
  readonly arrive: () => Promise<void>;
  /** One of those expected does not come (any more). */
  readonly leave: () => void;
}

export function meetingOf(expected: number): Meeting {
  let fill = (): void => {};
  const promise = new Promise<void>((resolve) => {
    fill = resolve;
  });
  let there = 0;
  const leave = (): void => {
    there += 1;
    if (there >= expected) fill();
  };
  return {
    leave,
    arrive: () => {
      leave();
      return promise;
    },
  };
}
