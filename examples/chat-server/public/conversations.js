// The list on the left: pages, the one that is open, rename in place, delete after a question.
import { inWords } from "./api.js";
import { confirmed } from "./dialogs.js";
import { element, find, iconButton } from "./dom.js";
import { announce, notice } from "./speaking.js";
import { relativeTimeElement } from "./time.js";

const PAGE = 25;
const UNTITLED = "Untitled conversation";
/** What was said until an answer was stopped is stored a moment later. */
const RETRIES = [250, 1_000, 3_000];

export class Conversations {
  #api;
  #onOpen;
  #onDeleted;
  #onChanged;
  #list = find("conversation-list");
  #more = find("more-conversations");
  #byId = new Map();
  #next = null;
  #current;
  #renaming;
  /** How often something was renamed or deleted. */
  #changes = 0;

  constructor({ api, onOpen, onDeleted, onChanged }) {
    this.#api = api;
    this.#onOpen = onOpen;
    this.#onDeleted = onDeleted;
    this.#onChanged = onChanged;
    this.#more.addEventListener("click", () => this.#showMore());
  }

  set current(id) {
    this.#current = id;
    this.#show();
  }

  titleOf(id) {
    const conversation = this.#byId.get(id);
    return conversation && (conversation.title ?? UNTITLED);
  }

  /** The first page anew; what was shown of later ones stays. */
  async refresh() {
    const { conversations, next } = await this.#page();
    const oldest = conversations.at(-1)?.lastActivityAt;
    const later = [...this.#byId.values()].filter(({ lastActivityAt }) => next !== null && lastActivityAt < oldest);
    if (later.length === 0) this.#next = next;
    this.#byId = new Map([...conversations, ...later].map((conversation) => [conversation.id, conversation]));
    this.#show();
  }

  /** After a turn: the conversation is there now, at the top, or soon. */
  async refreshAfterTurn(id) {
    await this.refresh();
    for (const delay of RETRIES) {
      if (this.#byId.has(id)) return;
      await new Promise((resolve) => setTimeout(resolve, delay));
      await this.refresh();
    }
  }

  async #page(before) {
    const cursor = before === undefined ? "" : `&before=${encodeURIComponent(before)}`;
    for (;;) {
      const changes = this.#changes;
      const page = await this.#api.get(`/conversations?limit=${PAGE}${cursor}`);
      // What was deleted meanwhile may still be in it, and what was renamed as it was.
      if (changes === this.#changes) return page;
    }
  }

  async #showMore() {
    try {
      const { conversations, next } = await this.#page(this.#next);
      for (const conversation of conversations) this.#byId.set(conversation.id, conversation);
      this.#next = next;
      this.#show();
      this.#rowOf(conversations[0]?.id)?.querySelector(".open").focus();
    } catch (error) {
      this.#failed("The list cannot be shown.", error);
    }
  }

  #show() {
    // Not under the hands of somebody who is typing.
    if (this.#renaming) return;
    const focused = this.#focusedControl();
    this.#list.replaceChildren(...[...this.#byId.values()].map((conversation) => this.#row(conversation)));
    find("no-conversations").hidden = this.#byId.size > 0;
    this.#more.hidden = this.#next === null;
    if (focused) this.#rowOf(focused.id)?.querySelector(focused.control)?.focus();
    this.#onChanged();
  }

  #focusedControl() {
    const row = document.activeElement?.closest("#conversation-list > li");
    const control = [".open", ".rename", ".delete"].find((one) => document.activeElement?.matches(one));
    return row && control && { id: row.dataset.id, control };
  }

  #rowOf(id) {
    return [...this.#list.children].find((row) => row.dataset.id === id);
  }

  #row(conversation) {
    const { id, lastActivityAt } = conversation;
    const title = this.titleOf(id);
    const open = element(
      "button",
      {
        type: "button",
        class: "open",
        "aria-current": id === this.#current ? "page" : null,
        on: { click: () => this.#onOpen(id) },
      },
      element("span", { class: "title", title }, title),
      relativeTimeElement(lastActivityAt),
    );
    const rename = iconButton("pencil", `Rename “${title}”`, () => this.#rename(conversation));
    const remove = iconButton("trash", `Delete “${title}”`, () => this.#delete(conversation));
    rename.classList.add("rename");
    remove.classList.add("delete");
    return element("li", { data: { id } }, open, rename, remove);
  }

  #rename(conversation) {
    const { id } = conversation;
    const before = this.titleOf(id);
    const field = element("input", {
      type: "text",
      name: "title",
      "aria-label": "Title",
      maxlength: "120",
      required: true,
    });
    field.value = before;
    const done = async (title) => {
      if (!this.#renaming) return;
      this.#renaming = undefined;
      if (title && title !== before) await this.#renamed(conversation, title);
      this.#show();
      this.#rowOf(id)?.querySelector(".rename").focus();
    };
    const form = element(
      "form",
      {
        class: "renaming",
        on: {
          submit: (event) => {
            event.preventDefault();
            void done(field.value.trim());
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
    this.#renaming = undefined;
    this.#show();
    this.#renaming = id;
    this.#rowOf(id)?.replaceChildren(form);
    field.select();
  }

  async #renamed(conversation, title) {
    try {
      await this.#api.patch(`/conversations/${encodeURIComponent(conversation.id)}`, { title });
      this.#changes++;
      const now = this.#byId.get(conversation.id);
      if (now) this.#byId.set(conversation.id, { ...now, title });
      announce(`Renamed to ${title}.`);
    } catch (error) {
      this.#failed("It could not be renamed.", error);
    }
  }

  async #delete({ id }) {
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
    this.#changes++;
    this.#byId.delete(id);
    this.#show();
    announce(`Deleted ${title}.`);
    (this.#rowOf(neighbour)?.querySelector(".open") ?? find("new-conversation")).focus();
    await this.#onDeleted(id);
  }

  #failed(text, error) {
    if (!error.isSessionOver) notice(`${text} ${inWords(error)}`);
  }
}
