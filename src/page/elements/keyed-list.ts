/** One entry of a list: its element, and how it takes in what is new. */
export interface Entry<T> {
  readonly element: HTMLElement;
  update(value: T): void;
}

export interface KeyedList<T> {
  /** @returns whether the entry that had the focus is gone */
  update(values: readonly T[]): boolean;
}

/** A list whose elements stay what they are while their values change: focus, selection and scroll stay too. */
export function keyedList<T>(
  parent: HTMLElement,
  keyOf: (value: T) => string,
  make: (value: T) => Entry<T>,
): KeyedList<T> {
  const entries = new Map<string, Entry<T>>();

  function entryOf(value: T): Entry<T> {
    const key = keyOf(value);
    const entry = entries.get(key) ?? make(value);
    entries.set(key, entry);
    return entry;
  }

  function removeBut(kept: ReadonlySet<string>): boolean {
    let lostFocus = false;
    for (const [key, { element }] of entries) {
      if (kept.has(key)) continue;
      lostFocus ||= element.contains(document.activeElement);
      element.remove();
      entries.delete(key);
    }
    return lostFocus;
  }

  return {
    update(values) {
      const lostFocus = removeBut(new Set(values.map(keyOf)));
      let next = parent.firstElementChild;
      for (const value of values) {
        const { element, update } = entryOf(value);
        update(value);
        // Only what is not where it belongs is moved: moving takes the focus away.
        if (element === next) next = next.nextElementSibling;
        else parent.insertBefore(element, next);
      }
      return lostFocus;
    },
  };
}
