import { Api } from "./api.js";
import { find } from "./dom.js";
import { onOtherTabs } from "./other-tabs.js";

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
  idle: ["You were signed out", "Nothing happened here for a while, so your session ended."],
  longest: ["You were signed out", "Your session reached its longest time, however much it was used."],
  expired: ["Your session has expired", "It was not used for a while, or it reached its longest time."],
  rotated: ["Your session goes on elsewhere", "It was renewed in another window, so this one can no longer use it."],
  "signed-out": ["You are signed out", "You signed out in another tab of this browser."],
};
const ending = ["Your session is over", "Sign in again to go on."];

/** Why a session is over, in one sentence. */
export function endingInWords(reason) {
  return (endings[reason] ?? ending)[1];
}

/** Sessions that a tab of this browser is about to end. */
const signedOut = new Set();
onOtherTabs(({ signingOut }) => signedOut.add(signingOut));

/**
 * The last thing on the page: there is no way around it but to sign in again. Or to go on, if this browser is signed in
 * all the same: another tab has signed in anew, as the same user or as another one.
 */
export async function showSessionOver({ reason, session, user }, signInAgain) {
  const dialog = find("session-over");
  const now = await whoIsHere();
  if (now?.id === user?.id && now) {
    location.reload();
    return;
  }
  const [title, text] = now
    ? [
        "Another user signed in",
        `${now.name} is signed in in this browser now. Nothing more is done here as ${user?.name}.`,
      ]
    : (endings[signedOut.has(session?.id) ? "signed-out" : reason] ?? ending);
  for (const other of document.querySelectorAll("dialog[open]")) other.close();
  find("session-over-title").textContent = title;
  find("session-over-text").textContent = text;
  find("sign-in-again").textContent = now ? `Go on as ${now.name}` : "Sign in again";
  find("sign-in-again").addEventListener("click", now ? () => location.reload() : signInAgain);
  // For browsers that do not know closedby; a second Escape cannot be prevented there.
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  dialog.addEventListener("close", () => dialog.showModal());
  dialog.showModal();
  document.title = `${title} · Chat`;
}

/** The user whom this browser is signed in as by now, if any. */
async function whoIsHere() {
  try {
    return (await new Api().get("/session")).user;
  } catch {
    return undefined;
  }
}
