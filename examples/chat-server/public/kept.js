// What outlives a reload: in sessionStorage, so each tab is signed in for itself and closing it forgets.

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

/** `{ jwt, token, user }` */
export const credentials = entry("chat.credentials");
/** Who was signed in and where they were when the session ended: `{ userId, conversationId }` */
export const interrupted = entry("chat.interrupted");
/** Text in the message field. */
export const draft = entry("chat.draft");
/** A message that may not have arrived: `{ conversationId, message, key }` */
export const unsent = entry("chat.unsent");
/** The conversation that this tab shows; another tab of the same session may show another: `{ conversationId }` */
export const shown = entry("chat.shown");
/** Said once on the next page. */
export const farewell = entry("chat.farewell");
