/**
 * Works on all items in their order, so many at a time.
 * @param most how many at a time
 * @param isOver asked before each: once it is true, only what is going on is finished
 */
export async function inParallel<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
  isOver: () => boolean = () => false,
): Promise<void> {
  // One iterator for all: whoever is free takes the next.
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) {
      if (isOver()) return;
      await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, worker));
}
