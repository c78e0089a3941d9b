import { describe, expect, test } from 'vitest';
import {
  firstView,
  type Key,
  pickedIn,
  press,
  serversIn,
  type View,
} from '../../../../src/cli/top/frame/view.ts';
import { overviewOf, serverView } from '../../../helpers/overview.ts';

const fleet = overviewOf([
  serverView({ id: 'aaaaaa', port: 3_001, rps: 5 }),
  serverView({ id: 'bbbbbb', port: 3_002, rps: 9, app: 'shop.js' }),
  serverView({ id: 'cccccc', port: 3_003, rps: 7 }),
]);

const named = (name: string): Key => ({ name, text: '', isCtrl: false });
const typed = (text: string): Key => ({ name: text, text, isCtrl: false });
const ctrl = (name: string): Key => ({ name, text: '', isCtrl: true });
const keys = (words: string): Key[] =>
  words.split(' ').map((word) => (word.length === 1 ? typed(word) : named(word)));

/** The view after these keys, and what the last of them asked for. */
function pressing(pressed: readonly Key[], start: View = firstView) {
  return pressed.reduce(({ view }, key) => press(view, key, fleet), {
    view: start,
    action: null,
  } as ReturnType<typeof press>);
}

const order = (view: View) =>
  serversIn(fleet, view)
    .map(({ id }) => id[0])
    .join('');
const picked = (view: View) => pickedIn(serversIn(fleet, view), view)?.[0];

describe('keys that pick', () => {
  test.each([
    ['down', 'b'],
    ['j j', 'c'],
    ['down down down down', 'c'],
    ['down up', 'a'],
    ['end', 'c'],
    ['pagedown k', 'b'],
    ['end home', 'a'],
  ])('%s', (words, id) => {
    expect(picked(pressing(keys(words)).view)).toBe(id);
  });

  test('stay with the server while the order changes, and go to the first when it is gone', () => {
    const { view } = pressing(keys('down'));
    expect(picked({ ...view, sorting: { by: 'rps', isDown: true } })).toBe('b');
    const left = fleet.servers.filter(({ id }) => id !== 'bbbbbb');
    expect(pickedIn(left, view)).toBe('aaaaaa');
    expect(pickedIn([], view)).toBe(null);
  });
});

describe('keys that sort', () => {
  test.each([
    ['5', 'bca'],
    ['5 5', 'acb'],
    ['5 5 5', 'abc'],
    ['1', 'abc'],
    ['1 1', 'cba'],
    ['> >', 'abc'],
    ['> > > > >', 'bca'],
    ['< > >', 'abc'],
  ])('%s', (words, ids) => {
    expect(order(pressing(keys(words)).view)).toBe(ids);
  });
});

describe('a filter', () => {
  test('is typed behind a slash, and stays after Enter', () => {
    const { view } = pressing([...keys('/ s h o x backspace p'), named('return')]);
    expect([view.filter, view.mode.kind, order(view)]).toEqual(['shop', 'table', 'b']);
  });

  test('takes letters that do something elsewhere, and no control characters', () => {
    const { view } = pressing([...keys('/ q d'), { name: '', text: '\u001b[5n', isCtrl: false }]);
    expect([view.filter, view.mode.kind]).toEqual(['qd', 'filter']);
  });

  test('goes back to what it was by Escape, and then away', () => {
    const before = pressing([...keys('/ a'), named('return')]).view;
    const { view } = pressing([...keys('/ b'), named('escape')], before);
    expect(view.filter).toBe('a');
    expect(pressing([named('escape')], view).view.filter).toBe('');
  });
});

describe('keys that change the fleet', () => {
  test.each([
    ['s', { verb: 'spawn', count: 1 }],
    ['down d', { verb: 'destroy', id: 'bbbbbb' }],
    ['end r', { verb: 'restart', id: 'cccccc' }],
    ['R', { verb: 'restart', id: null }],
  ])('%s asks first, and only y does it', (words, wanted) => {
    const { view, action } = pressing(keys(words));
    expect([action, view.mode]).toMatchObject([null, { kind: 'question', wanted }]);
    expect(pressing(keys('y'), view)).toMatchObject({
      action: { kind: 'change', wanted },
      view: { mode: { kind: 'table' } },
    });
    for (const other of ['n', 'q', 'escape', 'return', 'd']) {
      expect(pressing(keys(other), view)).toMatchObject({
        action: null,
        view: { mode: { kind: 'table' } },
      });
    }
  });

  test('do nothing where there is no server', () => {
    expect(press(firstView, typed('d'), overviewOf([]))).toEqual({ view: firstView, action: null });
  });
});

test('Ctrl-C, Ctrl-Z and Ctrl-L do the same wherever one is', () => {
  for (const words of ['j', '/ a', '?', 'd']) {
    const { view } = pressing(keys(words));
    expect(pressing([ctrl('c')], view)).toEqual({ view, action: { kind: 'quit' } });
    expect(pressing([ctrl('z')], view)).toEqual({ view, action: { kind: 'suspend' } });
    expect(pressing([ctrl('l')], view)).toEqual({ view, action: { kind: 'redraw' } });
  }
});

test('help is there until any key, and q quits from it and from the table', () => {
  const { view } = pressing(keys('?'));
  expect(view.mode.kind).toBe('help');
  expect(pressing(keys('x'), view).view.mode.kind).toBe('table');
  expect(pressing(keys('q'), view).action).toEqual({ kind: 'quit' });
  expect(pressing(keys('q')).action).toEqual({ kind: 'quit' });
});
