import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import type { Context } from '../../../src/cli/context/context.ts';
import { addDestroy } from '../../../src/cli/verbs/destroy.ts';
import { addDown } from '../../../src/cli/verbs/down.ts';
import { addProxy } from '../../../src/cli/verbs/proxy.ts';
import { addRestart } from '../../../src/cli/verbs/restart.ts';
import { addServe } from '../../../src/cli/verbs/serve.ts';
import { addSpawn } from '../../../src/cli/verbs/spawn.ts';
import { addUp } from '../../../src/cli/verbs/up.ts';
import { defaults } from '../../../src/defaults.ts';

const READY = ['--ready-timeout', 'readyTimeout', defaults.readyTimeoutMs] as const;
const DRAIN = ['--drain-timeout', 'drainTimeout', defaults.drainMs] as const;
const verbs = [
  ['spawn', addSpawn, READY, '--timeout'],
  ['up', addUp, DRAIN, '--timeout'],
  ['down', addDown, DRAIN, '--timeout'],
  ['destroy', addDestroy, DRAIN, '--timeout'],
  ['restart', addRestart, DRAIN, '--timeout'],
  ['proxy', addProxy, DRAIN, '--timeout'],
  ['serve', addServe, DRAIN, '--drain'],
] as const;

describe.each(verbs)('the time limit of %s', (_, add, [flag, name, usual], old) => {
  const verb = () => {
    const program = new Command();
    add(program, {} as Context);
    return program.commands[0] as Command;
  };
  const read = (...words: string[]) => {
    const declared = verb();
    declared.parseOptions(words);
    return declared.opts()[name];
  };

  test('is what it was where nothing is said', () => {
    expect(read()).toBe(usual);
  });

  test('is read from its name, and from the one that it had before', () => {
    expect([read(flag, '2.5'), read(old, '2.5')]).toEqual([2_500, 2_500]);
  });

  test('is the last one where both names are given', () => {
    expect(read(flag, '1', old, '2')).toBe(2_000);
    expect(read(old, '1', flag, '2')).toBe(2_000);
  });

  test('stands in help under its name alone', () => {
    const help = verb().helpInformation();
    expect(help).toContain(`${flag} <seconds>`);
    expect(help).not.toContain(`${old} <seconds>`);
  });
});
