// The list on the left: pages, search, the one that is open, rename in place, delete after a question.
import { addressOf, plainClick } from "./addresses.js";
import { inWords } from "./api.js";
import { confirmed } from "./dialogs.js";
import { arrange, element, find, iconButton } from "./dom.js";
import { announce, notice } from "./speaking.js";
import { relativeTimeElement } from "./time.js";

const PAGE = 30;
const UNTITLED = "Untitled conversation";
/** So long somebody may pause while typing. */
const TYPING = 200;
/** So long after a change the list is asked for, together with what else changes meanwhile. */
const GATHERING = 50;

export class Conversations {
  #api;
  #onOpen;
  #onDeleted;
  #onChanged;
  #list = find("conversation-list");
  #more = find("more-conversations");
  #search = find("search");
  #byId = new Map();
  #next = null;
  #rows = new Map();
  #current;
  #renaming;
  /** Text in the titles that are shown; empty for all. */
  #wanted = "";
  #typing;
  #gathering;
  /** How often something was renamed, deleted or searched for: pages that were asked for before are out of date. */
  #changes = 0;

  constructor({ api, onOpen, onDeleted, onChanged }) {
    this.#api = api;
    this.#onOpen = onOpen;
    this.#onDeleted = onDeleted;
    this.#onChanged = onChanged;
    this.#more.addEventListener("click", () => this.#showMore());
    this.#search.addEventListener("input", () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#find(), TYPING);
    });
    this.#search.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.#search.value === "") return;
      event.stopPropagation();
      this.#search.value = "";
      void this.#find();
    });
  }

  set current(id) {
    this.#current = id;
    this.#show();
  }

  titleOf(id) {
    const conversation = this.#byId.get(id);
    return conversation && (conversation.title ?? UNTITLED);
  }

  /** It is there at once, before the service has told of it. */
  begun({ id, turn }) {
    const title = turn?.message.trim().replaceAll(/\s+/gu, " ").slice(0, 60);
    const begun = { id, title, lastActivityAt: new Date().toISOString(), running: true, isExpected: true };
    if (this.#wanted === "") this.#byId = new Map([[id, begun], ...this.#byId]);
    this.#current = id;
    this.#show();
  }

  gone(id) {
    this.#changes++;
    this.#byId.delete(id);
    this.#show();
  }

  /** The first page anew, a moment later; what was shown of later ones stays. Never throws. */
  refresh() {
    this.#gathering ??= new Promise((resolve) => setTimeout(resolve, GATHERING)).then(() => {
      this.#gathering = undefined;
      return this.#refresh();
    });
    return this.#gathering;
  }

  async #refresh() {
    let page;
    try {
      page = await this.#page();
    } catch {
      // It is refreshed again after the next turn and when the connection is back.
      return;
    }
    const { conversations, next } = page;
    const oldest = conversations.at(-1)?.lastActivityAt;
    const known = new Set(conversations.map(({ id }) => id));
    const others = [...this.#byId.values()].filter(({ id }) => !known.has(id));
    const later = others.filter(({ lastActivityAt }) => next !== null && lastActivityAt < oldest);
    const expected = others.filter(
      ({ isExpected, lastActivityAt }) => isExpected && Date.parse(lastActivityAt) > Date.now() - 20_000,
    );
    if (later.length === 0) this.#next = next;
    this.#byId = new Map([...expected, ...conversations, ...later].map((one) => [one.id, one]));
    this.#show();
  }

  async #page(before) {
    const cursor = before === undefined ? "" : `&before=${encodeURIComponent(before)}`;
    for (;;) {
      const changes = this.#changes;
      const search = this.#wanted === "" ? "" : `&search=${encodeURIComponent(this.#wanted)}`;
      const page = await this.#api.get(`/conversations?limit=${PAGE}${cursor}${search}`);
      // What was deleted meanwhile may still be in it, and what was renamed as it was.
      if (changes === this.#changes) return page;
    }
  }

  async #find() {
    const wanted = this.#search.value.trim().toWellFormed();
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    const changes = ++this.#changes;
    try {
      const { conversations, next } = await this.#page();
      if (changes !== this.#changes) return;
      this.#next = next;
      this.#byId = new Map(conversations.map((one) => [one.id, one]));
      this.#show();
      if (wanted !== "") announce(`${conversations.length}${next === null ? "" : " or more"} found.`);
    } catch (error) {
      this.#failed("The list cannot be searched.", error);
    }
  }

  async #showMore() {
    if (this.#more.disabled) return;
    this.#more.disabled = true;
    try {
      const { conversations, next } = await this.#page(this.#next);
      for (const conversation of conversations) this.#byId.set(conversation.id, conversation);
      this.#next = next;
      this.#show();
      this.#rows.get(conversations[0]?.id)?.link.focus();
    } catch (error) {
      this.#failed("The list cannot be shown.", error);
    } finally {
      this.#more.disabled = false;
    }
  }

  /** Rows are kept, so that the focus stays and a long list costs nothing. */
  #show() {
    // Not under the hands of somebody who is typing.
    if (this.#renaming) return;
    arrange(
      this.#list,
      [...this.#byId.values()].map((conversation) => this.#rowOf(conversation).row),
    );
    for (const [id, { row }] of this.#rows) {
      if (this.#byId.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    find("no-conversations").hidden = this.#byId.size > 0 || this.#wanted !== "";
    find("none-found").hidden = this.#byId.size > 0 || this.#wanted === "";
    find("none-found").textContent = `No title has “${this.#wanted}” in it.`;
    this.#more.hidden = this.#next === null;
    this.#onChanged();
  }

  #rowOf(conversation) {
    const { id, lastActivityAt, running } = conversation;
    const title = this.titleOf(id);
    const isCurrent = id === this.#current;
    const shown = JSON.stringify([title, lastActivityAt, running, isCurrent]);
    let known = this.#rows.get(id);
    if (known?.shown === shown) return known;
    if (known === undefined) {
      known = this.#emptyRow(id);
      this.#rows.set(id, known);
    }
    known.shown = shown;
    const { link, rename, remove } = known;
    link.replaceChildren(
      element("span", { class: "title", title, dir: "auto" }, title),
      running ? element("span", { class: "running" }, "The agent is answering") : relativeTimeElement(lastActivityAt),
    );
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    for (const [button, label] of [
      [rename, `Rename “${title}”`],
      [remove, `Delete “${title}”`],
    ]) {
      button.setAttribute("aria-label", label);
      button.title = label;
    }
    return known;
  }

  #emptyRow(id) {
    const link = element("a", {
      class: "open",
      href: addressOf(id),
      on: { click: plainClick(() => this.#onOpen(id)) },
    });
    const rename = iconButton("pencil", "Rename", () => this.#rename(id));
    const remove = iconButton("trash", "Delete", () => this.#delete(id));
    rename.classList.add("rename");
    remove.classList.add("delete");
    return { row: element("li", { data: { id } }, link, rename, remove), link, rename, remove };
  }

  #rename(id) {
    const before = this.titleOf(id);
    const { row, rename } = this.#rows.get(id);
    const children = [...row.childNodes];
    const field = element("input", {
      type: "text",
      name: "title",
      "aria-label": "Title",
      maxlength: "120",
      required: true,
      dir: "auto",
    });
    field.value = before;
    const done = async (title) => {
      if (this.#renaming !== id) return;
      this.#renaming = undefined;
      row.replaceChildren(...children);
      if (title && title !== before) await this.#renamed(id, title);
      this.#show();
      rename.focus();
    };
    const form = element(
      "form",
      {
        class: "renaming",
        on: {
          submit: (event) => {
            event.preventDefault();
            void done(field.value.trim().toWellFormed());
          },
          keydown: (event) => {
            if (event.key !== "Escape") return;
            event.stopPropagation();
            void done();
          },
        },
      },
      field,
      iconButton("check", "Save title", () => {}, { type: "submit" }),
      iconButton("close", "Keep the old title", () => done()),
    );
    if (this.#renaming) this.#list.querySelector(".renaming [aria-label='Keep the old title']")?.click();
    this.#renaming = id;
    row.replaceChildren(form);
    field.select();
  }

  async #renamed(id, title) {
    try {
      await this.#api.patch(`/conversations/${encodeURIComponent(id)}`, { title });
      this.#changes++;
      const now = this.#byId.get(id);
      if (now) this.#byId.set(id, { ...now, title });
      announce(`Renamed to ${title}.`);
    } catch (error) {
      this.#failed("It could not be renamed.", error);
    }
  }

  async #delete(id) {
    const title = this.titleOf(id);
    const text = `“${title}” and all of its messages will be gone for good.`;
    if (!(await confirmed({ title: "Delete this conversation?", text, action: "Delete" }))) return;
    try {
      await this.#api.delete(`/conversations/${encodeURIComponent(id)}`);
    } catch (error) {
      if (error.code !== "CONVERSATION_NOT_FOUND") {
        this.#failed("It could not be deleted.", error);
        return;
      }
    }
    const ids = [...this.#byId.keys()];
    const neighbour = ids[ids.indexOf(id) + 1] ?? ids[ids.indexOf(id) - 1];
    this.gone(id);
    announce(`Deleted ${title}.`);
    (this.#rows.get(neighbour)?.link ?? find("new-conversation")).focus();
    this.#onDeleted(id);
  }

  #failed(text, error) {
    if (!error.isSessionOver) notice(`${text} ${inWords(error)}`);
  }
}
