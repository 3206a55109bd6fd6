import { find } from "./dom.js";

let settle = () => {};
find("confirmation").addEventListener("close", ({ target }) => {
  if (!target.open) settle();
});

/** Asks before something that cannot be undone. Escape and Cancel are no. Focus returns to where it was. */
export function confirmed({ title, text, action }) {
  const dialog = find("confirmation");
  find("confirmation-title").textContent = title;
  find("confirmation-text").textContent = text;
  find("confirmation-action").textContent = action;
  // Of an earlier question that was answered, the browser may tell only after this one is asked.
  settle();
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    settle = () => resolve(dialog.returnValue === "yes");
  });
}

const endings = {
  ended: ["You were signed out", "This session was ended from another place where you are signed in."],
  evicted: [
    "You signed in somewhere else",
    "There is a limit to how many places you can be signed in at, and this was the oldest of them.",
  ],
  expired: ["Your session has expired", "It was not used for a while, or it reached its longest time."],
  rotated: ["Your session goes on elsewhere", "It was renewed in another window, so this one can no longer use it."],
};
const ending = ["Your session is over", "Sign in again to go on."];

/** The last thing on the page: there is no way around it but to sign in again. */
export function showSessionOver(reason, signInAgain) {
  const dialog = find("session-over");
  const [title, text] = endings[reason] ?? ending;
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  find("session-over-title").textContent = title;
  find("session-over-text").textContent = text;
  find("sign-in-again").addEventListener("click", signInAgain);
  // For browsers that do not know closedby; a second Escape cannot be prevented there.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.showModal());
  dialog.showModal();
  document.title = `${title} · Chat`;
}
