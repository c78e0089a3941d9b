import { describe, expect, test } from 'vitest';
import { parseRecord, toText } from '../../src/model/server-record.ts';
import { sampleRecord } from '../helpers/store.ts';

const id = 'abc234';
const record = sampleRecord({ id });
const parse = (fields: unknown) => parseRecord(id, JSON.stringify(fields));

describe('the record of a server', () => {
  test('comes back from its text as it was, without fields that are not known', () => {
    expect(parseRecord(id, toText(record))).toEqual({ ok: record });
    expect(parse({ ...record, newer: 1 })).toEqual({ ok: record });
  });

  test('of a worker that is up says `starting` in Redis, and `up` to us', () => {
    const worker = sampleRecord({ id, state: 'up', worker: { pid: 7 } });
    expect(JSON.parse(toText(worker))).toMatchObject({ state: 'starting' });
    expect(parseRecord(id, toText(worker))).toEqual({ ok: worker });
  });

  test('may say where to ask for health, by a plain path', () => {
    expect(parse({ ...record, health: '/alive' })).toMatchObject({ ok: { health: '/alive' } });
    for (const health of ['/a b', 'http://evil/']) {
      expect(parse({ ...record, health })).toEqual({ problem: 'its health is not valid' });
    }
  });

  test('may tell its figures; those that make no sense are left out, and are no reason to skip it', () => {
    const figures = { rss: 5e7, cpuMs: 120, heap: 1e7, loopMs: 0.4, restarts: 2 };
    const program = { ...figures, heap: null, loopMs: null };
    for (const one of [figures, program])
      expect(parse({ ...record, figures: one })).toEqual({ ok: { ...record, figures: one } });
    expect(parse({ ...record, figures: { ...figures, newer: 1 } })).toEqual({
      ok: { ...record, figures },
    });
    const wrong = [null, 'a', [], {}, { ...figures, rss: '1' }, { ...figures, restarts: -1 }];
    for (const one of wrong) expect(parse({ ...record, figures: one })).toEqual({ ok: record });
  });

  test.each([
    ['not a JSON object', 'text'],
    ['its id is not a server id', { ...record, id: 'def234' }],
    ['its pid is not valid', { ...record, pid: 0 }],
    ['its state is not valid', { ...record, state: 'lost' }],
    ['its url is not http://host:port', { ...record, url: `ftp://127.0.0.1:${record.port}` }],
    ['its url is not http://host:port', { ...record, port: record.port + 1 }],
    ['its program is not valid', { ...record, program: { pid: 1 } }],
    ['its worker is not valid', { ...record, worker: null }],
  ])('is none where %s: %j', (problem, fields) => {
    expect(parse(fields)).toEqual({ problem });
  });

  test('is none where it is too long to be read: then its length stands there', () => {
    expect(parseRecord(id, 70_000)).toEqual({ problem: 'a record of 70000 bytes' });
  });
});
