// Copies a text. Over plain HTTP, from another machine, browsers have no clipboard for pages but that of the selection.
import { element } from "./dom.js";

/** Resolves with whether it was copied. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text) {
  const before = document.activeElement;
  const field = element("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1", readonly: true });
  field.value = text;
  // What is outside of a dialog that is open cannot be selected.
  (before?.closest("dialog") ?? document.body).append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  before?.focus({ preventScroll: true });
  return copied;
}
