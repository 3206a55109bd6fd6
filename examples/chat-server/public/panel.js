// What is behind "Your session": where one is signed in, what the agent remembers, and one's data.
import { inWords } from "./api.js";
import { find } from "./dom.js";
import { saveExport } from "./export.js";
import { MemoryPanel } from "./memory-panel.js";
import { SignedInDevices } from "./signed-in-devices.js";
import { announce, notice } from "./speaking.js";

export class Panel {
  #api;
  #devices;
  #memory;

  constructor(api) {
    this.#api = api;
    this.#devices = new SignedInDevices(api);
    this.#memory = new MemoryPanel(api);
    find("export").addEventListener("click", () => this.#export());
  }

  refresh() {
    void this.#devices.refresh();
    void this.#memory.refresh();
  }

  async #export() {
    try {
      await saveExport(this.#api);
      announce("Your data is saved.");
    } catch (error) {
      if (!error.isSessionOver) notice(`Your data cannot be saved. ${inWords(error)}`);
    }
  }
}
