/**
 * The number of chunks that the thread pool processes at the same time. Two keep two processors
 * busy; more would only use memory.
 */
export const IN_FLIGHT = 2;

/**
 * Applies `work` to each item, with at most `inFlight` calls at a time. Yields the results in the
 * order of the items. Takes an item only when it can start, so memory does not grow with the number
 * of items.
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
      // The error is thrown when its result is next; until then it must not count as unhandled.
      result.catch(() => {});
      running.push(result);
    }
    while (running.length > 0) yield await (running.shift() as Promise<Result>);
  } finally {
    // A caller that stops early waits for running calls; their errors are ignored.
    await Promise.allSettled(running);
  }
}
