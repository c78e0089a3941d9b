import { afterEach, describe, expect, test } from 'vitest';
import { zonedTime } from '../../src/time/zoned-time.ts';

const AT = '2026-03-01T23:59:59.999Z';

const own = process.env.TZ;
afterEach(() => {
  if (own === undefined) delete process.env.TZ;
  else process.env.TZ = own;
});

function inZone(zone: string, at = AT): string {
  process.env.TZ = zone;
  const { date, time } = zonedTime(Date.parse(at));
  return `${date} ${time}`;
}

describe('a moment in words', () => {
  test('ends with Z in UTC, wherever it is read', () => {
    expect(zonedTime(Date.parse(AT), true)).toEqual({ date: '2026-03-01', time: '23:59:59.999Z' });
  });

  test.each([
    ['Etc/UTC', '2026-03-01 23:59:59.999+00:00'],
    ['Asia/Kolkata', '2026-03-02 05:29:59.999+05:30'],
    ['America/St_Johns', '2026-03-01 20:29:59.999-03:30'],
    ['Pacific/Kiritimati', '2026-03-02 13:59:59.999+14:00'],
    ['Pacific/Pago_Pago', '2026-03-01 12:59:59.999-11:00'],
  ])('has the date, the time and the offset of %s', (zone, text) => {
    expect(inZone(zone)).toBe(text);
  });

  test('has the offset of its own day: of summer or winter', () => {
    expect(inZone('Europe/Berlin', '2026-03-29T00:59:59.000Z')).toContain('01:59:59.000+01:00');
    expect(inZone('Europe/Berlin', '2026-03-29T01:00:00.000Z')).toContain('03:00:00.000+02:00');
  });
});
