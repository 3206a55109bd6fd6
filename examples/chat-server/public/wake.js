// Moments after which what the page shows may be out of date, though nothing told it so; and whether it is looked at.

/** Calls `woken` when the machine is online again, and when the page is looked at again. Returns a function that stops it. */
export function onWake(woken) {
  const online = () => woken({ online: true });
  const visible = () => document.hidden || woken({ online: false });
  const shown = ({ persisted }) => persisted && woken({ online: true });
  window.addEventListener("online", online);
  window.addEventListener("pageshow", shown);
  document.addEventListener("visibilitychange", visible);
  return () => {
    window.removeEventListener("online", online);
    window.removeEventListener("pageshow", shown);
    document.removeEventListener("visibilitychange", visible);
  };
}

/** Cut short by a wake, and by the signal. */
export function pause(milliseconds, signal) {
  const { promise, resolve } = Promise.withResolvers();
  const timer = setTimeout(() => resolve(), milliseconds * (0.75 + Math.random() / 2));
  const stop = onWake(resolve);
  signal?.addEventListener("abort", resolve, { once: true });
  return promise.finally(() => {
    clearTimeout(timer);
    stop();
    signal?.removeEventListener("abort", resolve);
  });
}

/** Resolves when the page is looked at, and when the signal aborts. */
export async function untilVisible(signal) {
  while (document.hidden && !signal.aborted) {
    const { promise, resolve } = Promise.withResolvers();
    document.addEventListener("visibilitychange", resolve, { once: true });
    signal.addEventListener("abort", resolve, { once: true });
    await promise;
    document.removeEventListener("visibilitychange", resolve);
    signal.removeEventListener("abort", resolve);
  }
}

/** Calls `left` once nobody has looked at the page for so long. Returns a function that stops it. */
export function onLeft(milliseconds, left) {
  let timer;
  const look = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => left(), milliseconds);
  };
  look();
  document.addEventListener("visibilitychange", look);
  return () => {
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", look);
  };
}
