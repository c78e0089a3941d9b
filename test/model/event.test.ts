import { describe, expect, test } from 'vitest';
import {
  EVENT_KINDS,
  eventText,
  type FleetEvent,
  lastId,
  MAX_EVENT,
  type NewEvent,
  parseEvent,
} from '../../src/model/event.ts';
import { eventInWords } from '../../src/model/event-words.ts';

const entry = (text: unknown, ...more: string[]) => ['event', text, ...more];
const parsed = (text: unknown, ...more: string[]) => parseEvent('1700-0', entry(text, ...more));
const ready: FleetEvent = {
  id: '1700-0',
  at: 1_700,
  kind: 'ready',
  server: null,
  host: null,
  by: null,
  user: null,
  why: '',
};

describe('an event', () => {
  test.each(EVENT_KINDS)('%s is read as it was written', (kind) => {
    const full: NewEvent = {
      kind,
      server: 'abc234',
      host: 'h',
      by: 'destroy',
      user: 'ann',
      why: 'w',
    };
    expect(parsed(eventText(full, 'tok'))).toEqual({
      ok: { event: { ...ready, ...full }, token: 'tok' },
    });
    expect(parsed(eventText({ kind }))).toEqual({ ok: { event: { ...ready, kind }, token: null } });
  });

  test('happened when its entry was written, or before, where it was told late', () => {
    const at = (text: string) => {
      const event = parsed(eventText({ kind: 'lost' }), 'at', text);
      return 'ok' in event ? event.ok.event.at : null;
    };
    expect(['1200', '9999', '-1', '1e3', '', 'x'].map(at)).toEqual([
      1_200,
      ...Array.from({ length: 5 }, () => 1_700),
    ]);
  });

  test('keeps fields of a newer version to itself', () => {
    const text = JSON.stringify({ kind: 'ready', mood: 'good' });
    expect(parseEvent('1700-0', ['colour', 'red', ...entry(text)])).toEqual({
      ok: { event: ready, token: null },
    });
  });

  test('never takes more room than is read of it, and holds no control characters', () => {
    const long = '\u001b\u0000'.repeat(5_000);
    const text = eventText(
      { kind: 'lost', server: 'abc234', host: long, by: long, user: long, why: '€'.repeat(5_000) },
      'token1',
    );
    expect(Buffer.byteLength(text)).toBeLessThan(MAX_EVENT / 2);
    expect(parsed(text)).toHaveProperty('ok');
    const values = Object.values(JSON.parse(text) as Record<string, string>);
    expect(values.join('')).not.toMatch(/[\u0000-\u001f]/);
  });

  const junk: readonly (readonly [name: string, id: string, entry: unknown, problem: string])[] = [
    ['one that is too long', '1-0', 5_000_000, 'an entry of 5000000 bytes'],
    ['no list', '1-0', null, 'not a JSON object'],
    ['another field', '1-0', ['x', '{"kind":"ready"}'], 'not a JSON object'],
    ['no JSON', '1-0', entry('<script>'), 'not a JSON object'],
    ['a list', '1-0', entry('[]'), 'not a JSON object'],
    ['nothing', '1-0', entry('null'), 'not a JSON object'],
    ['an unknown kind', '1-0', entry('{"kind":"__proto__"}'), 'its kind is not valid'],
    [
      'a server that is none',
      '1-0',
      entry('{"kind":"ready","server":"<b>"}'),
      'its server is not valid',
    ],
    ['a number for a name', '1-0', entry('{"kind":"ready","by":1}'), 'its by is not valid'],
    [
      'a long reason',
      '1-0',
      entry(`{"kind":"ready","why":"${'x'.repeat(301)}"}`),
      'its why is not valid',
    ],
    ['an id of no stream', 'x', entry('{"kind":"ready"}'), 'its id is not one of a stream'],
    ...[
      '9999999999999999-1',
      '9007199254740991-0',
      '18446744073709551615-18446744073709551615',
    ].map(
      (id) =>
        [
          `an id beyond calendars (${id})`,
          id,
          entry('{"kind":"ready"}'),
          'its id is of a time that no calendar has',
        ] as const,
    ),
  ];
  test.each(junk)('that is junk is none, and is told why: %s', (_, id, text, problem) => {
    expect(parseEvent(id, text)).toEqual({ problem });
  });
});

describe('the last id of events', () => {
  test('goes by time, then by number, and not as a text', () => {
    const ids = (...all: string[]) => lastId(all.map((id) => ({ ...ready, id })));
    expect(ids()).toBeNull();
    expect(ids('900-0', '1000-2', '1000-10', '1000-9')).toBe('1000-10');
  });
});

describe('an event in words', () => {
  const cases: readonly (readonly [Partial<FleetEvent>, string])[] = [
    [
      { kind: 'ordered', server: 'abc234', by: 'destroy', user: 'ann', host: 'web1' },
      'abc234 was told to leave by destroy (ann on web1)',
    ],
    [{ kind: 'restart-ended', by: 'restart', why: '2 replaced' }, 'restart is over: 2 replaced'],
    [{ kind: 'restart-begun', by: 'page' }, 'page began a restart'],
    [
      { kind: 'restart-ended', by: 'top', why: '2 replaced' },
      'top has ended its restart: 2 replaced',
    ],
    [{ kind: 'ready', server: 'abc234', why: 'after 812 ms' }, 'abc234 is ready: after 812 ms'],
    [
      { kind: 'redis-away', by: 'door ab12cd', host: 'web1' },
      'door ab12cd (on web1) cannot reach Redis',
    ],
  ];
  test.each(cases)('says what, who, and why: %o', (over, words) => {
    expect(eventInWords({ ...ready, ...over }, 'web2')).toBe(words);
  });

  test('leaves out the host that it is read on', () => {
    const event = { ...ready, by: 'keeper', host: 'web1' };
    const told = [{ ...event, user: 'ann' }, event].map((one) => eventInWords(one, 'web1'));
    expect(told).toEqual(['a server is ready by keeper (ann)', 'a server is ready by keeper']);
  });
});
