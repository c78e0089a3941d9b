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

  test.each([
    ['not a JSON object', null],
    ['its id is not valid', { ...door, id: 'e' }],
    ['its url is not valid', { ...door, url: '' }],
    ['its pid is not valid', { ...door, pid: '2' }],
  ])('is none where %s', (problem, fields) => {
    expect(parse(fields)).toEqual({ problem });
  });
});
