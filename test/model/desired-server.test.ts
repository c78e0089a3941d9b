import { describe, expect, test } from 'vitest';
import { catSpec } from '../../src/model/app-spec.ts';
import { parseDesiredServer } from '../../src/model/desired-server.ts';
import { sampleDesired } from '../helpers/store.ts';

const id = 'abc234';
const whole = {
  ...sampleDesired(),
  id,
  registry: 'r-1',
  namespace: 'meow',
  seal: 's',
  restarts: 2,
};
const parse = (desired: unknown) => parseDesiredServer(id, JSON.stringify(desired));

describe('a desired server', () => {
  test('comes back from JSON as it was, without fields that are not known', () => {
    expect(parse(whole)).toEqual({ ok: whole });
    expect(parse({ ...whole, newer: 1 })).toEqual({ ok: whole });
  });

  test('older than apps of one’s own is for a cat', () => {
    const { spec: _, ...older } = whole;
    expect(parse(older)).toMatchObject({ ok: { spec: catSpec } });
  });

  test.each([
    ['not a JSON object', []],
    ['it was written for another id', { ...whole, id: 'def234' }],
    ['its port is not valid', { ...whole, port: 0 }],
    ['its listenHost is not valid', { ...whole, listenHost: 'a host; reboot' }],
    ['its seal is not valid', { ...whole, seal: '../../etc/passwd' }],
    ['its state is not valid', { ...whole, state: 'running' }],
    ["its app's command is not valid", { ...whole, spec: { ...program(), command: [] } }],
  ])('is none where %s', (problem, desired) => {
    expect(parse(desired)).toEqual({ problem });
  });

  test('is none under what is no id of a server, nor where the text is no JSON', () => {
    const text = JSON.stringify({ ...whole, id: undefined });
    expect(parseDesiredServer('../x', text)).toEqual({ problem: 'its id is not a server id' });
    expect(parseDesiredServer(id, '{')).toEqual({ problem: 'not a JSON object' });
    expect(parseDesiredServer(id, undefined)).toEqual({ problem: 'not a JSON object' });
  });
});

function program() {
  return { kind: 'program', command: ['a'], env: [], envDigest: null, cwd: null, health: null };
}
