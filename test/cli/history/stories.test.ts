import { describe, expect, test } from 'vitest';
import { parseNotes } from '../../../src/cli/history/door-notes.ts';
import type { Evidence } from '../../../src/cli/history/evidence.ts';
import { doorStory, momentStory, portStory } from '../../../src/cli/history/moment-story.ts';
import { requestStory } from '../../../src/cli/history/request-story.ts';
import { serverStory } from '../../../src/cli/history/server-story.ts';
import { clock } from '../../../src/cli/history/story.ts';
import { StoreError } from '../../../src/errors.ts';
import type { FleetEvent } from '../../../src/model/event.ts';
import { inPlaceOf, readyWhy } from '../../../src/model/event-words.ts';
import type { RequestNote } from '../../../src/proxy/request-notes.ts';
import { sampleDesired, sampleRecord } from '../../helpers/store.ts';

const START = Date.now() - 60_000;
const later = (seconds: number) => START + seconds * 1_000;
const when = (seconds: number) => clock(later(seconds));

function happened(
  seconds: number,
  kind: FleetEvent['kind'],
  over: Partial<FleetEvent> = {},
): FleetEvent {
  const nobody = { server: 'abc234', host: 'web1', by: null, user: null, why: '' };
  return { id: `${later(seconds)}-0`, at: later(seconds), kind, ...nobody, ...over };
}

const note = (over: Partial<RequestNote>): RequestNote => ({
  ...{ id: 'it-1', at: later(30), method: 'GET', path: '/x', server: null, status: 502 },
  ...{ durationMs: 12.4, tried: [], failures: [], trouble: null },
  ...over,
});

function known(over: Partial<Evidence> = {}): Evidence {
  return {
    events: [],
    fleet: { servers: [], desiredServers: new Map(), doors: [] },
    notes: [],
    outage: null,
    here: 'web0',
    isGoneHere: () => false,
    howEnded: () => null,
    hasLog: () => false,
    lastLines: () => [],
    ...over,
  };
}

const ann = { by: 'destroy', user: 'ann' };
const begin = [
  happened(0, 'spawned', { by: 'spawn', user: 'ann' }),
  happened(0, 'ready', { by: 'itself', why: readyWhy(3_001, 156.2) }),
];

describe('the story of a server', () => {
  test('that was stopped by a signal names who sent it where that is told, and else the signal', () => {
    const signal = { by: 'SIGTERM', why: 'to finish within 30 s' };
    const up = { by: 'up', user: 'ann', why: 'to finish within 30 s, because `up` ends' };
    const [told, untold] = [[happened(10, 'ordered', up)], []].map((orders) => {
      const events = [...begin, happened(10, 'ordered', signal), ...orders, happened(11, 'gone')];
      return serverStory(known({ events }), 'abc234')?.sentences.at(-2);
    });
    const end = `at ${when(11)} it was gone.`;
    expect(told).toBe(
      `At ${when(10)} up (ann on web1) told it to leave, to finish within 30 s, because \`up\` ends; ${end}`,
    );
    expect(untold).toBe(
      `At ${when(10)} SIGTERM (on web1) told it to leave, to finish within 30 s; ${end}`,
    );
  });

  test('that somebody destroyed names who, from where, and when', () => {
    const events = [
      ...begin,
      happened(10, 'ordered', { ...ann, why: 'to finish within 30 s' }),
      happened(12, 'drained', { by: 'itself', why: 'in 2000 ms' }),
      happened(12, 'gone', { by: 'itself' }),
    ];
    expect(serverStory(known({ events }), 'abc234')?.sentences).toEqual([
      'abc234 is not in the fleet any more.',
      `At ${when(0)} spawn (ann on web1) started it; it was ready on port 3001, after 156 ms.`,
      `At ${when(10)} destroy (ann on web1) told it to leave, to finish within 30 s; at ${when(12)} it had finished its requests in 2000 ms; it was gone.`,
      'Its log is not on this host, or gone.',
    ]);
  });

  test('that was killed names its process, its last words, and who took its place', () => {
    const events = [
      ...begin,
      happened(20, 'lost', { by: 'keeper', why: 'its process 12 ended without leaving' }),
      happened(21, 'revived', { server: 'def234', by: 'keeper', why: inPlaceOf('abc234') }),
    ];
    const line = { id: 'abc234', at: new Date(later(19)).toISOString(), stream: 'stdout' } as const;
    const lastLines = () => [{ ...line, line: 'the last' }];
    const story = serverStory(known({ events, lastLines, hasLog: () => true }), 'abc234');
    expect(story?.sentences.slice(2)).toEqual([
      `At ${when(20)} keeper (on web1) found it dead: its process 12 ended without leaving.`,
      `def234 was started in its place at ${when(21)}.`,
      'The last that it said:',
    ]);
    expect(story?.log.map((said) => said.line)).toEqual(['the last']);
  });

  test('that was given up quotes the last server that was tried in its place, and why that was gone', () => {
    const inItsPlace = { by: 'keeper', why: inPlaceOf('abc234') };
    const events = [
      ...begin,
      happened(20, 'lost', { by: 'keeper', why: 'its process 12 ended without leaving' }),
      happened(21, 'revived', { server: 'bcd345', ...inItsPlace }),
      happened(25, 'revived', { server: 'def234', ...inItsPlace }),
      happened(26, 'gone', {
        server: 'def234',
        by: 'itself',
        why: 'its app ended with exit code 7',
      }),
      happened(27, 'crashed', { by: 'keeper', why: 'died 5 times within 60 s' }),
    ];
    const desired = { ...sampleDesired(), state: 'crashed' } as const;
    const fleet = { servers: [], desiredServers: new Map([['abc234', desired]]), doors: [] };
    const line = { at: new Date(later(26)).toISOString(), stream: 'stderr' } as const;
    const lastLines = (id: string) => [{ ...line, id, line: `the last of ${id}` }];
    const hasLog = (id: string) => id !== 'none';
    const story = serverStory(known({ events, fleet, lastLines, hasLog }), 'abc234');
    expect(story?.sentences.slice(2)).toEqual([
      `At ${when(20)} keeper (on web1) found it dead: its process 12 ended without leaving.`,
      `At ${when(27)} keeper (on web1) gave it up: died 5 times within 60 s.`,
      `def234 was started in its place at ${when(25)}, and was gone: its app ended with exit code 7.`,
      'The last that def234 said:',
    ]);
    expect(story?.log.map((said) => said.line)).toEqual(['the last of def234']);
  });

  test('that is up has no last words, and tells what a door has against it', () => {
    const roster = { abc234: { state: 'out', reason: 'connect ECONNREFUSED' } };
    const door = { id: 'ddd222', url: 'http://127.0.0.1:3000', host: 'web1', pid: 1, roster };
    const listing = { record: sampleRecord({ startedAt: START }), leaseLeftMs: 5_000 };
    const fleet = { servers: [listing], desiredServers: new Map(), doors: [door] };
    const told = serverStory(known({ fleet, events: begin }), 'abc234')?.sentences ?? [];
    expect(told[0]).toMatch(/^abc234 is up at http:\/\/127\.0\.0\.1:3001, for 1m/);
    expect(told.at(-1)).toBe(
      'For door ddd222 at http://127.0.0.1:3000 it is out: connect ECONNREFUSED.',
    );
  });

  test('whose process is gone, while its record stands, says so', () => {
    const fleet = {
      servers: [{ record: sampleRecord({ pid: 77 }), leaseLeftMs: -1 }],
      desiredServers: new Map(),
      doors: [],
    };
    const told = serverStory(known({ fleet, isGoneHere: () => true }), 'abc234')?.sentences ?? [];
    expect(told[0]).toBe('abc234 is lost: it sends no heartbeat.');
    expect(told[1]).toMatch(/^Its process 77 is gone, and did not say that it leaves/);
  });

  test('that comes and goes a lot stays a few sentences', () => {
    const turns = Array.from({ length: 50 }, (_, at) => [
      happened(at, 'ejected', { by: 'door ddd222', why: 'refused' }),
      happened(at, 'back', { by: 'door ddd222' }),
    ]);
    const events = [...begin, ...turns.flat()];
    const told = serverStory(known({ events }), 'abc234')?.sentences ?? [];
    expect(told.length).toBeLessThan(12);
    expect(told[2]).toBe('(44 more: see `meowctl events`)');
  });

  test('of which nothing is known is none; a log alone, or an outage, is told as such', () => {
    expect(serverStory(known(), 'abc234')).toBeNull();
    const hasLog = () => true;
    expect(serverStory(known({ hasLog }), 'abc234')?.sentences).toEqual([
      'abc234 is not in the fleet, and no event tells of it any more.',
      'It said nothing.',
    ]);
    const outage = new StoreError('unavailable', 'no Redis', '');
    expect(serverStory(known({ hasLog, outage }), 'abc234')?.sentences[0]).toBe(
      'What abc234 does now is not known: no Redis.',
    );
  });
});

describe('the story of a request', () => {
  test('tells which servers were tried, why each failed, and who answered', () => {
    const notes = [
      note({
        ...{ tried: ['abc234', 'def234', 'ggg222'], server: 'ggg222', status: 200 },
        failures: [
          { server: 'abc234', why: 'connect ECONNREFUSED' },
          { server: 'def234', why: 'other side closed' },
        ],
      }),
    ];
    const events = [
      ...begin,
      happened(31, 'ejected', { by: 'door ddd222', why: 'connect ECONNREFUSED' }),
    ];
    expect(requestStory(known({ notes, events }), 'it-1')?.sentences).toEqual([
      `GET /x came at ${when(30)} and went to abc234, which failed: connect ECONNREFUSED. So did def234: other side closed.`,
      'It was repeated, and ggg222 answered with 200 after 12 ms.',
      `abc234: At ${when(31)} door ddd222 (on web1) took it out of use: connect ECONNREFUSED.`,
    ]);
  });

  test('that was not repeated says why not', () => {
    const failures = [{ server: 'abc234', why: 'other side closed' }];
    const post = note({ method: 'POST', tried: ['abc234'], failures });
    const told = requestStory(known({ notes: [post] }), 'it-1')?.sentences ?? [];
    expect(told[1]).toBe(
      'The client got 502 from the door after 12 ms. A POST that may have reached a server is not repeated.',
    );
    const get = note({ trouble: 'no usable server', status: 503 });
    expect(requestStory(known({ notes: [get] }), 'it-1')?.sentences).toEqual([
      `GET /x came at ${when(30)}. The client got 503 from the door after 12 ms: no usable server.`,
    ]);
  });

  test('brings what the servers wrote of it into their logs', () => {
    const line = (text: string) => ({
      ...{ id: 'abc234', at: new Date(later(30)).toISOString(), stream: 'stdout' as const },
      line: text,
    });
    const lastLines = () => [line('it-1 goes wrong'), line('another')];
    const story = requestStory(known({ notes: [note({ tried: ['abc234'] })], lastLines }), 'it-1');
    expect(story?.log.map((said) => said.line)).toEqual(['it-1 goes wrong']);
    expect(story?.sentences.at(-1)).toBe('The logs say of it:');
    expect(requestStory(known({ notes: [note({})] }), 'it-2')).toBeNull();
  });
});

describe('the story of a moment', () => {
  test('has what happened then, and the requests that had trouble', () => {
    const events = [...begin, happened(30, 'ordered', ann), happened(90, 'gone')];
    const story = momentStory(known({ events, notes: [note({})] }), {
      from: later(20),
      to: later(80),
    });
    expect(story?.sentences).toEqual([
      `${when(30)} abc234 was told to leave by destroy (ann on web1).`,
      `A request had trouble: GET /x at ${when(30)}, which the door answered with 502.`,
    ]);
    expect(momentStory(known({ events }), { from: later(40), to: later(80) })).toBeNull();
  });

  test('with more than anybody reads says how much more', () => {
    const events = Array.from({ length: 30 }, () => happened(1, 'ready'));
    const told = momentStory(known({ events }), { from: START, to: later(9) })?.sentences ?? [];
    expect(told).toHaveLength(21);
    expect(told.at(-1)).toBe('And 10 more events: see `meowctl events`.');
  });
});

describe('the story of a port', () => {
  test('is that of the server that has it, and names those before', () => {
    const events = [
      happened(0, 'ready', { server: 'old222', why: readyWhy(3_001, 1) }),
      happened(9, 'ready', { server: 'abc234', why: readyWhy(3_001, 1) }),
      happened(9, 'ready', { server: 'other2', why: readyWhy(3_002, 1) }),
    ];
    const told = portStory(known({ events }), 3_001)?.sentences ?? [];
    expect(told[0]).toMatch(/^abc234 /);
    expect(told[1]).toBe('Before it, port 3001 was that of old222.');
    expect(portStory(known({ events }), 3_009)).toBeNull();
  });

  test('of a door says that it is one', () => {
    const door = { id: 'ddd222', url: 'http://127.0.0.1:3000', host: 'web1', pid: 1, roster: {} };
    const fleet = { servers: [], desiredServers: new Map(), doors: [door] };
    expect(portStory(known({ fleet }), 3_000)?.sentences).toEqual([
      'Door ddd222 listens at http://127.0.0.1:3000.',
    ]);
  });
});

test('the story of a door is what it told', () => {
  const own = { by: 'door ddd222', server: null };
  const events = [
    happened(0, 'door-opened', { ...own, why: 'http://127.0.0.1:3000' }),
    happened(5, 'ejected', { by: 'door ddd222', why: 'refused' }),
    happened(6, 'door-closed', { by: 'door other2', server: null }),
  ];
  expect(doorStory(known({ events }), 'ddd222')?.sentences).toEqual([
    'ddd222 is a door, and is not open any more.',
    `${when(0)} door ddd222 (on web1) opened: http://127.0.0.1:3000.`,
    `${when(5)} abc234 was taken out of use by door ddd222 (on web1): refused.`,
  ]);
  expect(doorStory(known({ events }), 'abc234')).toBeNull();
});

test.each(['', 'null', '{}', '[', '[1]', '[{}]', '[{"id":1}]', '<html>'])(
  'a listener that answers %s to the question for requests tells of none',
  (text) => {
    expect(parseNotes(text)).toEqual([]);
    const good = note({ failures: [{ server: 'abc234', why: 'x' }] });
    expect(parseNotes(JSON.stringify([good, { ...good, tried: [1] }]))).toEqual([good]);
  },
);
