import { describe, expect, test } from 'vitest';
import { descriptionOf } from '../../../src/cli/history/description.ts';
import { sectionsOf } from '../../../src/cli/history/description-lines.ts';
import type { Evidence } from '../../../src/cli/history/evidence.ts';
import { clock } from '../../../src/cli/history/story.ts';
import type { AppSpec } from '../../../src/model/app-spec.ts';
import type { FleetEvent } from '../../../src/model/event.ts';
import { sampleDesired, sampleRecord } from '../../helpers/store.ts';

const START = Date.now() - 60_000;
const happened = (seconds: number, over: Partial<FleetEvent>): FleetEvent => ({
  ...{ id: '1-0', at: START + seconds * 1_000, kind: 'ready', server: 'abc234' },
  ...{ host: 'web1', by: null, user: null, why: '' },
  ...over,
});
const spec: AppSpec = {
  ...{ kind: 'program', command: ['node', 'a.js'], env: ['SECRET'], cwd: '/srv', health: null },
  ...{
    envDigest: 'd'.repeat(64),
    oldValues: { SECRET: 'topsecret' },
    seal: 'sealed',
    killMs: 9_000,
  },
};
const door = (state: string, reason = '') => ({
  ...{ id: 'ddd222', url: 'http://127.0.0.1:3000', host: 'web1', pid: 1 },
  roster: { abc234: { state, reason } },
});

function known(
  over: Partial<Evidence> & { readonly door?: ReturnType<typeof door> } = {},
): Evidence {
  const record = sampleRecord({
    ...{ startedAt: START, app: 'node a.js', program: { pid: 9, port: 13_001 } },
    figures: { rss: 52_428_800, cpuMs: 1_500, heap: null, loopMs: null, restarts: 2 },
  });
  const desired = sampleDesired({ spec, seal: 'sealed', restarts: 2, fixedPort: true });
  return {
    events: [],
    fleet: {
      servers: [{ record, leaseLeftMs: 5_000 }],
      desiredServers: new Map([['abc234', desired]]),
      doors: over.door ? [over.door] : [],
    },
    ...{
      notes: [],
      outage: null,
      here: 'web1',
      isGoneHere: () => false,
      howEnded: () => null,
      hasLog: () => true,
    },
    lastLines: () => [
      { id: 'abc234', at: new Date(START).toISOString(), stream: 'stdout', line: 'hi' },
    ],
    ...over,
  };
}

const sections = (facts: Evidence) => {
  const description = descriptionOf(facts, 'abc234');
  if (!description) throw new Error('it is not known');
  return Object.fromEntries(sectionsOf(description, { isHere: true, here: 'web1' }));
};

describe('a description', () => {
  test('has no value of the environment, nothing that leads to one, and no signature', () => {
    const text = JSON.stringify(descriptionOf(known(), 'abc234'));
    expect(text).toContain('SECRET');
    for (const secret of ['topsecret', 'dddddd', 'sealed']) expect(text).not.toContain(secret);
  });

  test('has all that is known, in words', () => {
    const events = [happened(0, { kind: 'spawned', by: 'spawn' })];
    const found = sections(known({ events, door: door('usable') }));
    expect(found).toMatchObject({
      server: ['abc234'],
      url: ['http://127.0.0.1:3001'],
      process: ['pid 4000000; its program: pid 9 on port 13001'],
      app: ['node a.js'],
      host: ['somewhere (this host)'],
      wanted: [
        'yes: when it dies, `meowctl up` or `keep` starts it again',
        'always on port 3001',
        'started again 2 times so far',
      ],
      'runs in': ['/srv'],
      variables: ['SECRET'],
      limits: ['9 s from SIGTERM to SIGKILL'],
      figures: ['50 MiB of memory', '1.5 s of CPU time'],
      doors: ['ddd222 at http://127.0.0.1:3000: usable'],
      events: [expect.stringContaining('abc234 was spawned by spawn')],
      log: [expect.stringMatching(/ hi$/)],
    });
    expect(found.state?.[0]).toMatch(/^up, started .* 1m/);
    expect(found['started as']).toBeUndefined();
  });

  test.each<[string, ReturnType<typeof door>, FleetEvent[], number | null]>([
    ['out since it took it out', door('out', 'refused'), [by('ejected', 5)], 5],
    ['usable since it was back', door('usable'), [by('ejected', 5), by('back', 9)], 9],
    ['usable since the server was ready', door('usable'), [happened(3, {})], 3],
    ['usable since the door opened after that', door('usable'), [happened(3, {}), opened(7)], 7],
    ['draining since its order', door('draining'), [happened(4, { kind: 'ordered' })], 4],
    ['out, and nobody knows since when', door('out'), [by('back', 9)], null],
    ['doubtful, and nobody knows since when', door('doubtful'), [], null],
  ])('says of a door that to it a server is %s', (_, one, events, seconds) => {
    const since = descriptionOf(known({ events, door: one }), 'abc234')?.doors[0]?.since;
    expect(since).toBe(seconds === null ? null : START + seconds * 1_000);
  });

  test('of what is only desired has no record, and of what was run by hand nothing desired', () => {
    const whole = known();
    const wanted = known({ fleet: { ...whole.fleet, servers: [] } });
    expect(descriptionOf(wanted, 'abc234')).toMatchObject({ record: null, state: 'lost' });
    expect(sections(wanted)).toMatchObject({ state: ['lost'], 'started as': ['node a.js'] });
    const byHand = known({ fleet: { ...whole.fleet, desiredServers: new Map() } });
    expect(sections(byHand).wanted).toEqual(['no: it was run by hand, and nobody starts it again']);
    expect(descriptionOf(whole, 'other2')).toBeNull();
  });
});

test('a time is that of the day, with the date when it was another', () => {
  expect(clock(Date.now())).toMatch(/^\d\d:\d\d:\d\d$/);
  expect(clock(0)).toMatch(/^\d\d:\d\d:\d\d on (1970-01-01|1969-12-31)$/);
});

function by(kind: FleetEvent['kind'], seconds: number): FleetEvent {
  return happened(seconds, { kind, by: 'door ddd222' });
}

function opened(seconds: number): FleetEvent {
  return happened(seconds, { kind: 'door-opened', by: 'door ddd222', server: null });
}
