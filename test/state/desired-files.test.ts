import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  entryPath,
  listDesired,
  markDesired,
  writeDesired,
} from '../../src/state/desired-files.ts';
import { sign } from '../../src/state/signature.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { sampleDesired } from '../helpers/store.ts';

const fleet = { registry: 'r1', namespace: 'meow' };

function listOfTwo() {
  const home = temporaryFolder();
  const [one, two] = ['abc234', 'def567'].map((id) =>
    sign(home, { ...sampleDesired(), ...fleet, id, hostId: 'a'.repeat(16) }),
  );
  if (!one || !two) throw new Error('no desired servers');
  for (const desired of [one, two]) writeDesired(home, desired);
  return { home, one, two, first: listDesired(home, fleet) };
}

test('an earlier list of what is wanted stands for what was not written since, and for no more', () => {
  const { home, one, two, first } = listOfTwo();
  const again = listDesired(home, fleet, first);
  expect([...again.values()].map(({ desired }) => desired)).toEqual([one, two]);
  expect(again.get(one.id)?.desired).toBe(first.get(one.id)?.desired);
  markDesired(home, one, 'crashed');
  writeFileSync(entryPath(home, fleet, two.id), 'junk');
  const [next, ...others] = [...listDesired(home, fleet, again).values()];
  expect([next?.desired, others]).toEqual([{ ...one, state: 'crashed' }, []]);
});

test('an earlier list of what is wanted stands for nothing under another key', () => {
  const { home, first } = listOfTwo();
  writeFileSync(join(home, 'seal.key'), Buffer.alloc(32));
  expect(listDesired(home, fleet, first)).toEqual(new Map());
});
