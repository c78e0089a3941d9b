import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { prepareStateFolder } from '../../src/state/folder.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { needs, testWith } from '../helpers/needs.ts';

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

/** Another user, as far as files go, until the test has ended. */
function becomeSomebody(): void {
  process.seteuid?.(65_534);
  onTestFinished(() => process.seteuid?.(0));
}

describe('the state folder', () => {
  test('is made with its logs folder, for its owner alone, and made once', () => {
    const home = join(temporaryFolder(), 'meowctl');
    prepareStateFolder(home);
    prepareStateFolder(home);
    expect([modeOf(home), modeOf(join(home, 'logs'))]).toEqual([0o700, 0o700]);
  });

  test('gets its parents made inside the home folder of its user', () => {
    const before = process.env.HOME;
    process.env.HOME = temporaryFolder();
    onTestFinished(() => {
      if (before === undefined) delete process.env.HOME;
      else process.env.HOME = before;
    });
    const home = join(homedir(), '.local', 'state', 'meowctl');
    prepareStateFolder(home);
    expect(modeOf(join(home, 'logs'))).toBe(0o700);
  });

  test('is refused where its parent is missing, and nothing is made', () => {
    const home = join(temporaryFolder(), 'slip', 'meowctl');
    expect(() => prepareStateFolder(home)).toThrow(
      expect.objectContaining({
        exitCode: 1,
        message: `state folder "${home}": its parent folder "${dirname(home)}" is missing`,
        remedy: 'Make that folder, or set MEOW_HOME to a folder of your own',
      }),
    );
    expect(existsSync(dirname(home))).toBe(false);
  });

  test('is refused where it is a file, or inside one', () => {
    const file = join(temporaryFolder(), 'file');
    writeFileSync(file, '');
    expect(() => prepareStateFolder(file)).toThrow(`state folder "${file}"`);
    expect(() => prepareStateFolder(join(file, 'x'))).toThrow('it is not a folder, or is inside');
  });

  test('is refused where everybody may write', () => {
    const home = temporaryFolder();
    chmodSync(home, 0o777);
    expect(() => prepareStateFolder(home)).toThrow('everybody may write to it');
  });

  testWith(needs.root, 'is refused where it belongs to somebody else', () => {
    const home = temporaryFolder();
    chownSync(home, 12_345, 12_345);
    expect(() => prepareStateFolder(home)).toThrow('it belongs to user 12345, not to user 0');
    expect(existsSync(join(home, 'logs'))).toBe(false);
  });

  testWith(needs.root, 'is refused where it may not be written', () => {
    const parent = temporaryFolder();
    const home = join(parent, 'home');
    mkdirSync(home);
    chownSync(home, 65_534, 65_534);
    chmodSync(home, 0o500);
    chmodSync(parent, 0o755);
    becomeSomebody();
    expect(() => prepareStateFolder(home)).toThrow(
      /^state folder ".*\/home.*": permission denied$/,
    );
    expect(() => prepareStateFolder(join(parent, 'new'))).toThrow('permission denied');
  });

  testWith(needs.root, 'is refused where it cannot even be looked at', () => {
    const parent = temporaryFolder();
    const home = join(parent, 'home');
    mkdirSync(home);
    chmodSync(parent, 0o700);
    becomeSomebody();
    expect(() => prepareStateFolder(home)).toThrow(/^state folder ".*": permission denied$/);
  });

  test('is refused on a file system that takes no files', () => {
    expect(() => prepareStateFolder('/proc/meowctl')).toThrow('state folder "/proc/meowctl": ');
  });
});
