/*
 * Values that are one of a few: the verb reads them, and the shell's completion offers them.
 */

/** Reads one, and knows them all. */
export type Choice<T> = ((text: string) => T) & { readonly choices: readonly string[] };

/**
 * @param choices all of them, as a person types them
 * @param read throws UsageError for any other
 */
export function choice<T>(choices: readonly string[], read: (text: string) => T): Choice<T> {
  return Object.assign((text: string) => read(text), { choices });
}

/** What there is to choose from; null for a value of another kind. */
export function choicesOf(read: unknown): readonly string[] | null {
  return isChoice(read) ? read.choices : null;
}

function isChoice(read: unknown): read is Choice<unknown> {
  return typeof read === 'function' && 'choices' in read;
}
