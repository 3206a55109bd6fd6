// The tabs of a browser share one sign-in. What one of them does with it, it tells the others.

const channel = new BroadcastChannel("chat.sign-in");

/** `{ signedIn: true }`, `{ signingOut: sessionId }` or `{ active: sessionId }` */
export function tellOtherTabs(message) {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this takes none: a channel is of one origin
  channel.postMessage(message);
}

export function onOtherTabs(listener) {
  channel.addEventListener("message", ({ data }) => listener(data));
}
