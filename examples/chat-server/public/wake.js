// Moments after which what the page shows may be out of date, though nothing told it so.

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
