import { pageOfItemsScript } from "../redis/scripts/items/page.js";
import { run } from "../redis/send.js";
import { forEach, type ItemCall } from "./call.js";
import type { Matches } from "./filter.js";
import { beginningOf } from "./names.js";
import { partitionsBelow, unlistPartitions } from "./partitions.js";
import { renewItems } from "./read-items.js";
import { Scan } from "./scan.js";
import { decodeItems, type FoundItem, type StoredItem } from "./stored-item.js";

/** The number of items of one page. */
const PAGE = 500;

export interface Search {
  readonly labels: readonly string[];
  /** `undefined` matches all items. */
  readonly matches: Matches | undefined;
  readonly limit: number;
  readonly offset: number;
}

/**
 * Returns items whose namespaces begin with the labels, the newest first. Takes one round trip if the labels name a
 * partition and there is no filter, and with a filter one for each 500 items.
 *
 * @throws SearchTooLargeError when it has looked at `maxScan` items and more are left.
 */
export async function searchItems(call: ItemCall, search: Search): Promise<StoredItem[]> {
  const { labels, limit, offset } = search;
  const partitions = await partitionsBelow(call, labels);
  const scan = new Scan(call.settings.maxScan);
  const empty: string[] = [];
  const found = await forEach(partitions, async (partition) => {
    const items = await newestOf(call, partition, search, scan);
    if (items === undefined) empty.push(partition);
    return items ?? [];
  });
  const items = found
    .flat()
    .toSorted((one, other) => other.updated - one.updated || (one.field < other.field ? -1 : 1))
    .slice(offset, offset + limit)
    .map(({ item }) => item);
  if (labels.length < call.settings.partition) await unlistPartitions(call, empty);
  await renewItems(call, items);
  return items;
}

/**
 * Returns the newest matching items of one partition, as many as the result can contain. Returns `undefined` if the
 * partition is empty.
 */
async function newestOf(
  call: ItemCall,
  partition: string,
  { labels, matches, limit, offset }: Search,
  scan: Scan,
): Promise<readonly FoundItem[] | undefined> {
  const enough = Math.max(1, offset + limit);
  const { items, order, record, sessions, partitions } = call.keysOf(partition);
  const keys = { items, order, record, sessions, partitions };
  const found = new Map<string, FoundItem>();
  let before = "+inf";
  let after = "-inf";
  let newest = "";
  for (let pages = 1; ; pages += 1) {
    const page = await run(call.connectionTo(partition), pageOfItemsScript, {
      keys,
      arguments: {
        ...call.holderOf(partition),
        before,
        after,
        below: beginningOf(labels),
        size: Math.min(PAGE, scan.left),
        wanted: matches === undefined ? enough - found.size : 0,
      },
    });
    scan.add(page.walked);
    if (page.walked === 0 && before === "+inf" && after === "-inf") return undefined;
    for (const item of await decodeItems(call.connectionTo(partition), page.found)) {
      if (matches === undefined || matches(item.item.value)) found.set(item.field, item);
      else found.delete(item.field);
    }
    if (pages === 1) newest = page.first;
    if (found.size >= enough) break;
    if (!page.isEnd) {
      before = `(${page.last}`;
    } else if (pages === 1) {
      break;
    } else {
      // Items that were written meanwhile are newer than the first page, and may have left a page that was not read
      // yet. So read on from the newest item of that page.
      before = "+inf";
      after = `(${newest}`;
      pages = 0;
    }
  }
  return [...found.values()];
}
