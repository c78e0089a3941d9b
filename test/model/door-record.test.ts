import { describe, expect, test } from 'vitest';
import { parseDoor } from '../../src/model/door-record.ts';

const door = { id: 'd', url: 'http://127.0.0.1:3000', host: 'here', pid: 2, roster: {} };
const parse = (fields: unknown) => parseDoor('d', JSON.stringify(fields));

describe('the record of a door', () => {
  test('comes back from JSON as it was', () => {
    const whole = { ...door, roster: { abc234: { state: 'usable', reason: '' } } };
    expect(parse(whole)).toEqual({ ok: whole });
    expect(parse({ ...whole, poison: ['GET /a'] })).toEqual({
      ok: { ...whole, poison: ['GET /a'] },
    });
  });

  test('loses what of its roster and its poison is not valid, and no more', () => {
    const good = { state: 'out', reason: 'failed' };
    const roster = { abc234: good, '../x': good, def234: { state: 1, reason: '' }, ghi234: null };
    expect(parse({ ...door, roster })).toEqual({ ok: { ...door, roster: { abc234: good } } });
    expect(parse({ ...door, roster: 'all' })).toEqual({ ok: door });
    expect(parse({ ...door, poison: [1, 'GET /a', ''] })).toMatchObject({
      ok: { poison: ['GET /a'] },
    });
  });

  test('tells until when its certificates are good, those of them that make sense', () => {
    const good = { name: 'cats.test', endsAt: 1_800_000_000_000 };
    const parsed = (certificates: unknown) => parse({ ...door, certificates });
    expect(parsed([good])).toEqual({ ok: { ...door, certificates: [good] } });
    expect(parsed([{ name: '', endsAt: 1 }, good, { name: 'a', endsAt: 'soon' }, null])).toEqual({
      ok: { ...door, certificates: [good] },
    });
    for (const wrong of ['a', {}, [], [1]]) expect(parsed(wrong)).toEqual({ ok: door });
  });

  test('tells where its admin listener is, and its figures, where both make sense', () => {
    const figures = { rps: 12.5, p99Ms: null, inflight: 3, errors: 1 };
    const whole = { ...door, admin: 'http://127.0.0.1:3900', figures };
    expect(parse(whole)).toEqual({ ok: whole });
    for (const wrong of [[], 'a', { ...figures, rps: '1' }, { ...figures, p99Ms: -1 }, {}])
      expect(parse({ ...whole, figures: wrong })).toEqual({ ok: { ...door, admin: whole.admin } });
    for (const admin of ['javascript:1', 'http://a/b', 7, 'http://a\u001b:1', '', 'http://'])
      expect(parse({ ...whole, admin })).toEqual({ ok: { ...door, figures } });
  });

  test.each([
    ['not a JSON object', null],
    ['its id is not valid', { ...door, id: 'e' }],
    ['its url is not valid', { ...door, url: '' }],
    ['its pid is not valid', { ...door, pid: '2' }],
  ])('is none where %s', (problem, fields) => {
    expect(parse(fields)).toEqual({ problem });
  });
});
