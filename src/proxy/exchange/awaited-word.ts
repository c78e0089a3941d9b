/** A word from elsewhere that one request waits for. */
export interface AwaitedWord {
  /**
   * Waits no more: it was refused, or its client has left.
   * @returns whether it waited
   */
  leave(): boolean;
}

/** @param word does not reject */
export function awaitWord<Word>(word: Promise<Word>, goOn: (heard: Word) => void): AwaitedWord {
  let isAwaited = true;
  const leave = () => {
    const wasAwaited = isAwaited;
    isAwaited = false;
    return wasAwaited;
  };
  void word.then((heard) => {
    if (leave()) goOn(heard);
  });
  return { leave };
}
