/** How many chunks are with the thread pool at a time: one for each of two processors keeps both busy, more only costs memory. */
export const IN_FLIGHT = 2;

/**
 * Applies `work` to each item with a bounded number of calls in flight, and gives the results in the order of the items.
 *
 * Takes an item only when there is room for it, so that memory does not grow with the number of items.
 */
export async function* mapInOrder<Item, Result>(
  items: Iterable<Item> | AsyncIterable<Item>,
  work: (item: Item) => Promise<Result>,
  inFlight = IN_FLIGHT,
): AsyncGenerator<Result, void, undefined> {
  const running: Promise<Result>[] = [];
  try {
    for await (const item of items) {
      if (running.length >= inFlight) yield await (running.shift() as Promise<Result>);
      const result = work(item);
      // An error is seen when the result's turn comes; until then it must not count as unhandled.
      result.catch(() => {});
      running.push(result);
    }
    while (running.length > 0) yield await (running.shift() as Promise<Result>);
  } finally {
    // Whoever stops early waits for what still runs, and one error is enough.
    await Promise.allSettled(running);
  }
}
