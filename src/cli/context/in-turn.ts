/**
 * Does all of it, one after the other: what fails keeps nothing after it from being done.
 * @throws the first failure, once all is done
 */
export async function inTurn(steps: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
