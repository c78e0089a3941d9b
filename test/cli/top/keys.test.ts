import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import type { Key } from '../../../src/cli/top/frame/view.ts';
import { listenToKeys } from '../../../src/cli/top/keys.ts';
import { until } from '../../helpers/until.ts';

/** What is heard of what a terminal sends. */
async function heard(sent: string, keys: number): Promise<Key[]> {
  const stdin = new PassThrough();
  const all: Key[] = [];
  const end = await listenToKeys(
    stdin as unknown as NodeJS.ReadStream,
    (key) => all.push(key),
    () => {},
  );
  stdin.write(sent);
  await until('all keys are heard', () => all.length >= keys);
  end();
  return all;
}

test.each<[string, string, readonly Partial<Key>[]]>([
  ['letters, one after the other', 'jk', [{ text: 'j' }, { text: 'k' }]],
  ['what is typed with Shift', 'RG', [{ text: 'R' }, { text: 'G' }]],
  [
    'arrows, in both ways that terminals send them',
    '\u001b[A\u001bOB',
    [{ name: 'up' }, { name: 'down' }],
  ],
  [
    'pages, and the ends',
    '\u001b[5~\u001b[6~\u001b[H\u001b[F',
    [{ name: 'pageup' }, { name: 'pagedown' }, { name: 'home' }, { name: 'end' }],
  ],
  [
    'Ctrl-C and Ctrl-Z',
    '\u0003\u001a',
    [
      { name: 'c', isCtrl: true },
      { name: 'z', isCtrl: true },
    ],
  ],
  ['Enter and Backspace', '\r\u007f', [{ name: 'return' }, { name: 'backspace' }]],
  ['Escape alone', '\u001b', [{ name: 'escape' }]],
  ['Escape and another key at once, as two', '\u001b/', [{ name: 'escape' }, { text: '/' }]],
  ['letters of other scripts whole', '猫é', [{ text: '猫' }, { text: 'é' }]],
])('of keys it hears %s', async (_what, sent, keys) => {
  expect(await heard(sent, keys.length)).toMatchObject(keys);
});

test('a terminal that has gone is told of', async () => {
  const stdin = new PassThrough();
  let isGone = false;
  await listenToKeys(
    stdin as unknown as NodeJS.ReadStream,
    () => {},
    () => {
      isGone = true;
    },
  );
  stdin.end();
  await until('it is told', () => isGone);
});
