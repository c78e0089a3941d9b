import type { Key } from './frame/view.ts';

interface Pressed {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
}

/** Tells of each key, by Node's own reading of what terminals send; @returns ends it. */
export async function listenToKeys(
  stdin: NodeJS.ReadStream,
  onKey: (key: Key) => void,
  onGone: () => void,
): Promise<() => void> {
  const { emitKeypressEvents } = await import('node:readline');
  const hear = (text: string | undefined, key: Pressed) => keysIn(text, key).forEach(onKey);
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

const ESCAPE: Key = { name: 'escape', text: '', isCtrl: false };

/** Escape and the next key, where that came at once, are read as one with Alt: here they are two. */
function keysIn(text: string | undefined, { name = '', ctrl = false, meta, sequence }: Pressed) {
  const [, second] = /^\u001b([^\u0000-\u001f[O])$/u.exec(sequence ?? '') ?? [];
  if (!meta || second === undefined) return [{ name, text: text ?? '', isCtrl: ctrl }];
  return [ESCAPE, { name: second, text: second, isCtrl: false }];
}
