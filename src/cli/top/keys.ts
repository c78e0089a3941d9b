import type { Key } from './frame/view.ts';

interface Pressed {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
}

/** Tells of each key, by Node's own reading of what terminals send; @returns ends it. */
export async function listenToKeys(
  stdin: NodeJS.ReadStream,
  onKey: (key: Key) => void,
  onGone: () => void,
): Promise<() => void> {
  const { emitKeypressEvents } = await import('node:readline');
  const hear = (text: string | undefined, { name = '', ctrl = false }: Pressed) =>
    onKey({ name, text: text ?? '', isCtrl: ctrl });
  emitKeypressEvents(stdin);
  stdin.on('keypress', hear);
  // The terminal has been closed: there may be no signal that says so.
  stdin.on('end', onGone);
  stdin.on('error', onGone);
  stdin.resume();
  return () => {
    stdin.off('keypress', hear);
    stdin.off('end', onGone);
    stdin.pause();
  };
}
