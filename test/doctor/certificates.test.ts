import { expect, test } from 'vitest';
import { checkCertificates } from '../../src/doctor/certificates.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 24 * 3_600_000;
const door = (...days: number[]) => ({
  id: 'abc234',
  certificates: days.map((left, at) => ({ name: `c${at}.test`, endsAt: NOW + left * DAY })),
});

test('nothing is said of certificates where no door has any', () => {
  expect(checkCertificates([{ id: 'abc234' }, door()], NOW)).toEqual([]);
});

test('certificates that are good for longer than 14 days are well', () => {
  expect(checkCertificates([door(90, 15), door(20)], NOW)).toMatchObject([
    { ok: true, says: '3 certificates, the first ends in 15 days' },
  ]);
});

test('14 days are the edge', () => {
  const of = (days: number) => checkCertificates([door(days)], NOW)[0];
  expect(of(14)).toMatchObject({ ok: 'warn', says: 'c0.test at door abc234 ends in 14 days' });
  expect(of(14 + 1 / DAY)).toMatchObject({
    ok: true,
    says: '1 certificate, the first ends in 14 days',
  });
  expect(of(0)).toMatchObject({ ok: false });
  expect(of(1 / DAY)).toMatchObject({
    ok: 'warn',
    says: 'c0.test at door abc234 ends within a day',
  });
});

test.each<[number[], 'warn' | false, string]>([
  [[13.5], 'warn', 'c0.test at door abc234 ends in 13 days'],
  [[90, 1.5], 'warn', 'c1.test at door abc234 ends in 1 day'],
  [[0.5], 'warn', 'c0.test at door abc234 ends within a day'],
  [[3, -0.5], false, 'c1.test at door abc234 has ended today'],
  [[-2.5], false, 'c0.test at door abc234 ended 2 days ago'],
])('those with %j days left are told by name', (days, ok, says) => {
  const [check] = checkCertificates([door(...days)], NOW);
  expect(check).toMatchObject({ check: 'certificates', ok, says });
  expect(check?.remedy).toMatch(/new certificate/);
});
