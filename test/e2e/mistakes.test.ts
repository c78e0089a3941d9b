import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSite, type Site } from '../helpers/cli.ts';

/** What stands in for a mistake of ours: something that never throws does, in one verb. */
const broken = (verb: string) => `if (process.argv[2] === '${verb}') {
  require('node:os').hostname = () => {
    throw new TypeError('hostname is broken on purpose');
  };
}
`;

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

/** The option that breaks a verb, for Node. */
function breaking(verb: string): string {
  const file = join(site.home, `${verb}.cjs`);
  writeFileSync(file, broken(verb));
  return `--require ${file}`;
}

describe('a mistake of ours is told with its stack, by files of src/', () => {
  test('when it ends a verb', async () => {
    const { code, stdout, stderr } = await site.run(['spawn'], {
      env: { NODE_OPTIONS: breaking('spawn') },
    });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^meowctl: hostname is broken on purpose\n {2}That is a mistake in meow/,
    );
    expect(stderr).toMatch(/\nTypeError: hostname is broken.*\n( {4}at .*\n)*.*\(src\/process\/id/);
  });

  test('when it ends the start of a server: to whoever spawned it, and in its log', async () => {
    const { code, stdout, stderr } = await site.run([
      'spawn',
      '--env',
      `NODE_OPTIONS=${breaking('serve')}`,
    ]);
    expect([code, stdout]).toEqual([5, '']);
    expect(stderr).toMatch(/: hostname is broken on purpose\n/);
    expect(stderr).toMatch(/\| TypeError: hostname is broken.*\n( .*\n)*.*\(src\/process\/id/);
  });
});

test('a verb that waits for what cannot come any more says so, and does not pass for done', async () => {
  const file = join(site.home, 'unwritten.cjs');
  writeFileSync(file, 'process.stdout.write = () => true;');
  const env = { NODE_OPTIONS: `--require ${file}` };
  const { code, stdout, stderr } = await site.run(['ls', '--json'], { env });
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    /^meowctl: it ended before it was done: .*\n {2}That is a mistake in meowctl: .*\n$/,
  );
});
