import { ItemCall } from "./call.js";
import { listNamespaces, type NamespaceListing } from "./list-namespaces.js";
import type { ItemName } from "./names.js";
import type { ItemPlace } from "./place.js";
import { readItems } from "./read-items.js";
import { type Search, searchItems } from "./search-items.js";
import type { StoredItem } from "./stored-item.js";
import { type Change, writeItems } from "./write-items.js";

/** The requests of one batch. */
export interface ItemBatch {
  readonly names: readonly ItemName[];
  readonly searches: readonly Search[];
  readonly listings: readonly NamespaceListing[];
  readonly changes: readonly Change[];
}

/** The answers of one batch, in the order of the requests. */
export interface ItemAnswers {
  readonly items: readonly (StoredItem | null)[];
  readonly found: readonly (readonly StoredItem[])[];
  readonly namespaces: readonly string[][][];
}

/** LangGraph's items in Redis, either of a standalone store or of a session's owner. */
export class ItemSpace {
  readonly #place: ItemPlace;

  constructor(place: ItemPlace) {
    this.#place = place;
  }

  /** Answers the reads and then makes the changes, all within one deadline. */
  async perform({ names, searches, listings, changes }: ItemBatch): Promise<ItemAnswers> {
    const make = writeItems(changes, this.#place.settings.partition);
    const call = new ItemCall(this.#place);
    const [items, found, namespaces] = await Promise.all([
      readItems(call, names),
      Promise.all(searches.map((search) => searchItems(call, search))),
      Promise.all(listings.map((listing) => listNamespaces(call, listing))),
    ]);
    await make(call);
    return { items, found, namespaces };
  }
}
