import { expect, test } from 'vitest';
import { publicEvent, publicWords } from '../../../src/admin/overview/public-view.ts';
import { quote } from '../../../src/text.ts';

test.each([
  ['connect ECONNREFUSED 127.0.0.1:3001', 'connect ECONNREFUSED 127.0.0.1:3001'],
  ['program "node" ended with exit code 3', 'program … ended with exit code 3'],
  ['its app answers GET /private?key=1 with 500', 'its app answers GET … with 500'],
  [`program ${quote('no" secret')} was not found`, 'program … was not found'],
  [`module "a" threw: "no" secret"`, 'module …'],
  [`module "a" threw: "a secret that was c…`, 'module …'],
  [`program "a" secret that was c…`, 'program …'],
  [`program ${quote(`secret ${'x'.repeat(100)}`)} ended`, 'program … ended'],
])('what is private in %j is left out for who has no token', (text, shown) => {
  expect(publicWords(text)).toBe(shown);
});

test('an event tells who has no token neither who ran a verb nor on what', () => {
  const told = { id: '1-0', at: 1, kind: 'gone' as const, server: 'abc234', host: 'here' };
  const shown = publicEvent({ ...told, by: 'spawn', user: 'ann', why: 'it ran "secret"' });
  expect(shown).toEqual({ ...told, by: 'spawn', user: null, why: 'it ran …' });
});
