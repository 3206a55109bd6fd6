// What is said to somebody who cannot see it happen, and what is shown to everybody.
import { element, icon, iconButton } from "./dom.js";

/** Politely, once: an answer that is complete, something that was done. */
export function announce(text) {
  say(region("announcements"), text);
}

/** In the middle of whatever is being read. */
export function announceAtOnce(text) {
  say(region("alerts"), text);
}

export function clearNotices() {
  for (const shown of document.querySelectorAll(".notice")) shown.remove();
}

function say(where, text) {
  // A text that is there already would not be read again.
  where.replaceChildren();
  requestAnimationFrame(() => where.replaceChildren(text));
}

/** While a dialog is open nothing outside of it is shown or read. */
function region(name) {
  const selector = `[data-region="${name}"]`;
  return (
    document.querySelector(`dialog[open] ${selector}`) ??
    document.querySelector(`body > ${selector}, #workspace ${selector}`)
  );
}

/** At once, and there until it is dismissed or replaced. `action`: `{ label, run }` */
export function notice(text, { tone = "error", action } = {}) {
  const shown = element("div", { class: "notice", data: { tone } }, icon("info"), element("p", {}, text));
  const close = () => shown.remove();
  if (action) {
    const run = () => {
      close();
      action.run();
    };
    shown.append(element("button", { type: "button", class: "button", on: { click: run } }, action.label));
  }
  shown.append(iconButton("close", "Dismiss", close));
  region("notices").replaceChildren(shown);
  return close;
}
