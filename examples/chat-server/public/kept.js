// What outlives a reload: in sessionStorage, for each tab of its own, and closing the tab forgets it. No secret is ever in
// here: who is signed in is in cookies that scripts cannot read.

import { Written } from "./written.js";

const entry = (key) => ({
  read() {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null;
    }
  },
  write(value) {
    sessionStorage.setItem(key, JSON.stringify(value));
  },
  forget() {
    sessionStorage.removeItem(key);
  },
});

/** Who was signed in when the session ended: `{ userId }` */
export const interrupted = entry("chat.interrupted");
/** Who was signed in here: `{ userId }` */
const owner = entry("chat.owner");
/** Said once on the next page. */
export const farewell = entry("chat.farewell");

/** Whether no other user was signed in in this tab before. */
export function isTabOf({ id: userId }) {
  const before = owner.read()?.userId;
  owner.write({ userId });
  return before === undefined || before === userId;
}

export function forgetAll() {
  for (const kept of [interrupted, owner]) kept.forget();
  Written.forgetAll();
}
