import type { ItemKeys } from "../redis/keys.js";
import type { Stored } from "../redis/sealing.js";
import { pageOfItemsScript } from "../redis/scripts/items/page.js";
import { type Connection, run } from "../redis/send.js";

/** The largest number of items of one page. */
const PAGE = 500;

/**
 * Yields the field and the stored text of each item of one partition. Other calls may write meanwhile. An item that
 * exists from the beginning to the end is yielded once; an item that is added or removed meanwhile, at most once.
 */
export async function* allItems(
  connection: Connection,
  { items, order }: Pick<ItemKeys, "items" | "order">,
): AsyncGenerator<readonly [field: string, stored: Stored], void, undefined> {
  const seen = new Set<string>();
  let before = "+inf";
  let after = "-inf";
  let newest = "";
  for (let pages = 1; ; pages += 1) {
    const page = await run(connection, pageOfItemsScript, {
      keys: { items, order },
      arguments: { sessionId: "", member: "", before, after, below: "", size: PAGE, wanted: 0 },
    });
    if (pages === 1) newest = page.first;
    for (const [field, stored] of page.found) {
      if (seen.has(field)) continue;
      seen.add(field);
      yield [field, stored];
    }
    if (!page.isEnd) {
      before = `(${page.last}`;
    } else if (pages === 1) {
      return;
    } else {
      // Items that were written meanwhile are newer than the first page, and may have left a page that was not read
      // yet. So read on from the newest item of that page.
      before = "+inf";
      after = `(${newest}`;
      pages = 0;
    }
  }
}
