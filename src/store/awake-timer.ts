/** A timer this much too late shows that its process was stopped, or its loop blocked. */
const ASLEEP_MS = 300;

/**
 * Acts once this process has been awake for `ms`. One that slept has not waited: what it waits for
 * may have come meanwhile and only wants to be read, so it gets the same time once more.
 * @returns what cancels it
 */
export function afterAwake(ms: number, act: () => void): () => void {
  const arm = (then: () => void) => {
    const dueMs = performance.now() + ms;
    return setTimeout(() => (performance.now() - dueMs > ASLEEP_MS ? then() : act()), ms);
  };
  let timer = arm(() => {
    timer = setTimeout(act, ms);
  });
  return () => clearTimeout(timer);
}
