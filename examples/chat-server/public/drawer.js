// On a phone the list of conversations lies over the page, and takes the keyboard while it does.
import { find } from "./dom.js";

const narrow = matchMedia("(width < 48rem)");

export class Drawer {
  #drawer = find("sidebar");
  #opener = find("open-drawer");
  #behind = find("conversation");

  constructor() {
    this.#opener.addEventListener("click", () => this.#set("open"));
    find("close-drawer").addEventListener("click", () => this.close());
    find("scrim").addEventListener("click", () => this.close());
    this.#drawer.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    narrow.addEventListener("change", () => this.#set("closed"));
  }

  /** Focus goes back to where it was opened; a page that it was no drawer of is left alone. */
  close() {
    if (this.#drawer.dataset.state !== "open") return;
    this.#set("closed");
    this.#opener.focus();
  }

  #set(state) {
    const open = state === "open";
    this.#drawer.dataset.state = state;
    this.#opener.setAttribute("aria-expanded", String(open));
    this.#behind.inert = open;
    find("scrim").hidden = !open;
    if (open) find("close-drawer").focus();
  }
}
