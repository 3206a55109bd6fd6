/** So many at once, each taking the next when it is done; `lane` says which of them. */
export async function inLanes<Item>(
  items: Iterable<Item>,
  lanes: number,
  work: (item: Item, lane: number) => Promise<unknown>,
): Promise<void> {
  const queue = items[Symbol.iterator]();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) await work(next.value, lane);
    }),
  );
}
