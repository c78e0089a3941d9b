import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { deferSignals } from '../../src/hosting/deferred-signals.ts';

/** A process whose app adds these handlers while it is loaded. */
function loaded(handlers: Readonly<Record<string, (signal: string) => unknown>>) {
  const proc = new EventEmitter();
  const told: string[] = [];
  const ours = () => told.push('ours');
  proc.on('SIGTERM', ours);
  const signals = deferSignals(proc);
  for (const [signal, handler] of Object.entries(handlers)) proc.on(signal, handler);
  signals.take();
  const log = (line: string) => told.push(line);
  return { proc, told, release: (signal?: string) => signals.release(log, signal) };
}

describe('signal handlers that an app adds while it is loaded', () => {
  test('hear nothing of a signal, while ours do', () => {
    const heard: string[] = [];
    const { proc, told } = loaded({ SIGTERM: (signal) => heard.push(signal) });
    proc.emit('SIGTERM', 'SIGTERM');
    expect([heard, told]).toEqual([[], ['ours']]);
  });

  test.each([
    ['of SIGTERM', { SIGTERM: 1, SIGINT: 1 }, undefined, ['SIGTERM']],
    ['of SIGINT, where there are none of SIGTERM', { SIGINT: 1 }, undefined, ['SIGINT']],
    ['of the signal that is asked for', { SIGTERM: 1, SIGHUP: 1 }, 'SIGHUP', ['SIGHUP']],
    ['of no other where that has none', { SIGTERM: 1 }, 'SIGHUP', []],
    ['of one that means nothing to us', { SIGUSR2: 1 }, 'SIGUSR2', ['SIGUSR2']],
  ])('run once at the end: those %s', (_which, added, asked, expected) => {
    const heard: string[] = [];
    const handlers = Object.fromEntries(
      Object.keys(added).map((signal) => [signal, () => heard.push(signal)]),
    );
    const { release } = loaded(handlers);
    expect(release(asked)).toBe(expected.length);
    expect(heard).toEqual(expected);
  });

  test('that fail are said in the log, and end nothing', async () => {
    const { told, release } = loaded({
      SIGTERM: () => Promise.reject(new Error('no database to close')),
    });
    release();
    await expect.poll(() => told).toEqual([expect.stringContaining('no database to close')]);
  });
});
