import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Admin } from '../../src/admin/admin.ts';
import type { FleetVerbs } from '../../src/admin/changes/change-routes.ts';
import type { Outcome, Progress } from '../../src/admin/changes/run-change.ts';
import {
  FailedError,
  type MeowError,
  NothingError,
  StoreError,
  UsageError,
} from '../../src/errors.ts';
import type { Change } from '../../src/model/change.ts';
import { adminOf, TOKEN } from '../helpers/admin.ts';
import { ask, exchange } from '../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../helpers/door-fleet.ts';
import { openEventStream } from '../helpers/event-stream.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

const all = { authorization: `Bearer ${TOKEN}` };
const asJson = { ...all, 'content-type': 'application/json' };

let fleet: Fleet;
let open: OpenDoor;
let admin: Admin;
let port: number;
const lines: string[] = [];
beforeAll(async () => {
  fleet = await startFleet();
  open = await fleet.open(0);
  port = await freePort();
  admin = adminOf(fleet, open, { port }, { verbs, log: (line) => lines.push(line) });
  await admin.listen();
});
afterAll(async () => {
  admin.close();
  await fleet.stop();
});

/** What was asked of the fleet, each with the way to let it end. */
interface Asked {
  readonly what: string;
  readonly progress: Progress;
  end(error?: Error): void;
  /** As a verb does that has done nothing. */
  fail(failed: readonly MeowError[]): void;
}
const asked: Asked[] = [];
const done = { summary: 'it is done', failed: [] };

function wait(what: string, progress: Progress): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error) => (error ? reject(error) : resolve(done));
    asked.push({ what, progress, end, fail: (failed) => resolve({ summary: '', failed }) });
    progress.signal.addEventListener('abort', () => end());
  });
}

// What the command line hands in; the real ones are in test/e2e/admin.test.ts.
const verbs: FleetVerbs = {
  spawn: (count, progress) => wait(`spawn ${count}`, progress),
  destroy: (id, force, progress) => wait(`destroy ${id}${force ? ' by force' : ''}`, progress),
  restart: (ids, progress) => wait(`restart ${ids.join(' ')}`, progress),
  scale: (count, progress) => wait(`scale ${count}`, progress),
};

/** Sends a change, and lets it end as `ending` says once its verb was called. */
async function change(method: string, path: string, body: unknown, ending?: Error | 'later') {
  const before = asked.length;
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = ask(port, path, { method, headers: asJson, ...text });
  await until('its verb is called', () => asked.length > before);
  const call = asked.at(-1);
  if (ending !== 'later') call?.end(ending);
  const { status, headers, body: json } = await answer;
  return { status, headers, value: JSON.parse(json) as Change, call };
}

const state = async (id: string) =>
  (JSON.parse((await ask(port, `/changes/${id}`, { headers: all })).body) as Change).state;

describe('a change over the admin listener', () => {
  test.each([
    ['POST', '/servers', undefined, 'spawn 1'],
    ['POST', '/servers', { count: 3 }, 'spawn 3'],
    ['DELETE', '/servers/abc234', undefined, 'destroy abc234'],
    ['DELETE', '/servers/abc234?force=true', undefined, 'destroy abc234 by force'],
    ['POST', '/restart', {}, 'restart '],
    ['POST', '/restart', { ids: ['abc234', 'def567'] }, 'restart abc234 def567'],
    ['POST', '/scale', { count: 0 }, 'scale 0'],
  ])('%s %s with %j asks for %j', async (method, path, body, what) => {
    const { status, value, call } = await change(method, path, body);
    expect(call?.what).toBe(what);
    expect([status, value.state, value.summary]).toEqual([200, 'done', 'it is done']);
    expect(value.host).toBe('here');
  });

  test('goes on by itself, and tells its stream what it does with each server', async () => {
    const stream = await openEventStream(port, all);
    const stranger = await openEventStream(port);
    onTestFinished(() => [stream, stranger].forEach((each) => void each.close()));
    await until('both see', () => [stream, stranger].every(({ events }) => events.length > 0));
    const begun = change('POST', '/servers', { count: 2 }, 'later');
    await until('it is called', () => asked.at(-1)?.what === 'spawn 2');
    const { progress, end } = asked.at(-1) ?? {};
    progress?.steps.now('abc234', 'starts');
    const { status, value, headers } = await begun;
    expect([status, value.state, headers.location]).toEqual([
      ...[202, 'running', `/changes/${value.id}`],
    ]);
    progress?.steps.done('abc234', 'serves http://127.0.0.1:3001');
    progress?.steps.failed('def567', new FailedError('x', 'it would not start', 'See its log'));
    progress?.say('and one thing more');
    end?.();
    const last = () => stream.of<Change>('change').at(-1);
    await until('it is over', () => last()?.state === 'done');
    expect(last()).toMatchObject({
      verb: 'spawn',
      asked: { count: 2 },
      notes: ['and one thing more'],
      summary: 'it is done',
      steps: [
        { server: 'abc234', state: 'done', what: 'serves http://127.0.0.1:3001' },
        { server: 'def567', state: 'failed', what: 'it would not start' },
      ],
    });
    expect(stranger.of('change')).toEqual([]);
    expect(await state(value.id)).toBe('done');
  });

  test.each([
    [404, new NothingError('no server has the id "abc234"', 'See `meowctl ls`')],
    [400, new UsageError('servers of several apps run on this host', 'Say which')],
    [409, new FailedError('last-server', 'it is the last one', 'Use --force')],
    [503, new StoreError('unavailable', 'cannot reach Redis', 'Start it')],
    [507, new StoreError('full', 'Redis is full', 'Make room')],
  ])('that does nothing is %i with what is wrong and what to do', async (status, error) => {
    const answer = await change('DELETE', '/servers/abc234', undefined, error);
    expect([answer.status, answer.value]).toEqual([
      ...[status, { error: error.message, remedy: error.remedy }],
    ]);
    // So the page knows it for the one that the stream told of.
    const [, id = ''] = /^\/changes\/(.+)$/.exec(answer.headers.location ?? '') ?? [];
    expect(await state(id)).toBe('failed');
  });

  test('that only fails, and has begun nothing, is refused as well', async () => {
    const before = asked.length;
    const answer = ask(port, '/servers/abc234', { method: 'DELETE', headers: all });
    await until('its verb is called', () => asked.length > before);
    const error = new FailedError('last-server', 'it is the last one', 'Use --force');
    asked.at(-1)?.fail([error]);
    const { status, body } = await answer;
    expect([status, JSON.parse(body)]).toEqual([
      ...[409, { error: error.message, remedy: error.remedy }],
    ]);
  });

  test('that fails after it began says so at its end', async () => {
    const before = asked.length;
    const begun = change('DELETE', '/servers/abc234', undefined, 'later');
    await until('it is called', () => asked.length > before);
    const call = asked.at(-1);
    call?.progress.steps.now('abc234', 'finishes its requests');
    const { value } = await begun;
    call?.end(new StoreError('unavailable', 'cannot reach Redis', 'Start it'));
    await until('it has failed', async () => (await state(value.id)) === 'failed');
  });

  test('that goes wrong by a mistake of ours is told without its inside, which is in the log', async () => {
    const { status, value } = await change('POST', '/servers', {}, new TypeError('x is not y'));
    expect([status, value.state]).toEqual([200, 'failed']);
    expect(JSON.stringify(value)).not.toContain('x is not y');
    expect(lines.join('\n')).toContain('x is not y');
  });

  test('that scales or restarts waits for no other, but is refused while one runs', async () => {
    const running = change('POST', '/scale', { count: 4 }, 'later');
    await until('it is called', () => asked.at(-1)?.what === 'scale 4');
    const call = asked.at(-1);
    const calls = asked.length;
    for (const [path, body] of [
      ['/scale', '{"count":2}'],
      ['/restart', '{}'],
    ] as const) {
      const refused = await ask(port, path, { method: 'POST', headers: asJson, body });
      expect([refused.status, refused.body]).toEqual([
        409,
        expect.stringContaining('is under way'),
      ]);
    }
    expect(asked.length).toBe(calls);
    expect((await change('POST', '/servers', { count: 1 })).status).toBe(200);
    call?.end();
    expect((await running).value.verb).toBe('scale');
    expect((await change('POST', '/scale', { count: 2 })).status).toBe(200);
  });

  test('is refused where too many run at once, and is taken again when they have ended', async () => {
    const running = Array.from({ length: 16 }, () => change('POST', '/servers', {}, 'later'));
    await Promise.all(running);
    const more = await ask(port, '/servers', { method: 'POST', headers: asJson, body: '{}' });
    expect([more.status, more.headers['retry-after']]).toEqual([503, '1']);
    for (const { end } of asked) end();
    await until(
      'they have ended',
      async () => (await change('POST', '/servers', {})).status === 200,
    );
    const { body } = await ask(port, '/changes', { headers: all });
    expect((JSON.parse(body) as unknown[]).length).toBeLessThanOrEqual(50);
  });
});

describe('a change is refused, and nothing is done,', () => {
  const send = async (path: string, body: string | undefined, over = {}) => {
    const before = asked.length;
    const headers = { ...asJson, ...over };
    const sent = body === undefined ? {} : { body };
    const answer = await ask(port, path, { method: 'POST', headers, ...sent });
    expect(asked.length).toBe(before);
    return answer;
  };

  test.each(['app', 'command', 'path', 'env', 'host', 'port', 'cwd', '__proto__', 'constructor'])(
    'with the field %s, which it names: it can start nothing else than what runs here',
    async (name) => {
      for (const path of ['/servers', '/scale', '/restart']) {
        const { status, body } = await send(path, `{${JSON.stringify(name)}: "x"}`);
        expect([status, JSON.parse(body).error]).toEqual([400, `"${name}" is not taken here`]);
      }
    },
  );

  test.each(['/servers?app=x', '/servers?count=3', '/scale?count=3', '/restart?force=true'])(
    'as %s: what stands in its address is not passed over either',
    async (path) => {
      const { status, body } = await send(path, '{"count": 1}');
      const [, name] = /\?(\w+)=/.exec(path) ?? [];
      expect([status, JSON.parse(body).error]).toEqual([400, `"${name}" is not taken here`]);
    },
  );

  test.each(['force=1', 'force=TRUE', 'force', 'forced=true', 'force=true&app=x'])(
    'as a DELETE with ?%s',
    async (query) => {
      const before = asked.length;
      const path = `/servers/abc234?${query}`;
      expect((await ask(port, path, { method: 'DELETE', headers: all })).status).toBe(400);
      expect(asked.length).toBe(before);
    },
  );

  test.each(['0', '-1', '1.5', '501', '1e9', '"3"', 'null', '[1]', 'true', '{}'])(
    'with a count of %s',
    async (count) => {
      expect((await send('/servers', `{"count": ${count}}`)).status).toBe(400);
      if (count !== '0') expect((await send('/scale', `{"count": ${count}}`)).status).toBe(400);
    },
  );

  test.each(['"abc234"', '[]', '[3001]', '["abc"]', '["../x1"]', '["abc234", null]', '{}'])(
    'with %s as the ids to restart',
    async (ids) => {
      expect((await send('/restart', `{"ids": ${ids}}`)).status).toBe(400);
    },
  );

  test.each([
    ['no JSON', '{count: 1}', 400],
    ['half of it', '{"count": 1', 400],
    ['a list', '[1]', 400],
    ['null', 'null', 400],
    ['a number', '1', 400],
    ['bytes that are not UTF-8', '{"a": "\xff"}', 400],
    ['more than 4 KiB', `{"count": 1${' '.repeat(5_000)}}`, 413],
  ])('with %s as its body', async (_, body, status) => {
    const length = { 'content-length': String(Buffer.byteLength(body, 'latin1')) };
    const head = `POST /servers HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n`;
    const lines = Object.entries({ ...asJson, ...length }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const bytes = Buffer.from(`${head}${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    expect(await exchange(port, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  });

  test('without a count to scale to', async () => {
    expect((await send('/scale', '{}')).status).toBe(400);
    expect((await send('/scale', undefined)).status).toBe(400);
  });

  test.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['application/json; charset=utf-16'],
    ['application/jsonx'],
  ])('as %s', async (type) => {
    expect((await send('/servers', '{}', { 'content-type': type })).status).toBe(415);
  });

  test('with a body that is packed', async () => {
    expect((await send('/servers', '{}', { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  test('without the token, with another, or by a page of another origin', async () => {
    const { authorization: _, ...none } = asJson;
    const post = (headers: Record<string, string>) =>
      ask(port, '/servers', { method: 'POST', headers, body: '{}' });
    const before = asked.length;
    expect((await post(none)).status).toBe(401);
    expect((await post({ ...asJson, authorization: 'Bearer x' })).status).toBe(401);
    expect((await post({ ...asJson, origin: 'http://evil.example' })).status).toBe(403);
    expect((await post({ ...asJson, host: 'evil.example' })).status).toBe(403);
    expect((await post({ ...asJson, 'sec-fetch-site': 'same-site' })).status).toBe(403);
    expect(asked.length).toBe(before);
  });

  test.each([
    ['GET', '/scale', 'POST'],
    ['PUT', '/servers', 'GET, HEAD, POST'],
    ['POST', '/servers/abc234', 'GET, HEAD, DELETE'],
    ['OPTIONS', '/servers', 'GET, HEAD, POST'],
    ['DELETE', '/servers', 'GET, HEAD, POST'],
  ])('as %s %s, which says what is allowed: %s', async (method, path, allowed) => {
    const { status, headers } = await ask(port, path, { method, headers: asJson });
    expect([status, headers.allow]).toEqual([405, allowed]);
  });

  test.each(['abc', 'abc2345', 'ABC234', '3001', '__proto__', '%2e%2e', "';--"])(
    'for a server called %j',
    async (id) => {
      const path = `/servers/${encodeURI(id)}`;
      const { status } = await ask(port, path, { method: 'DELETE', headers: all });
      expect(status).toBe(400);
    },
  );
});

test('a door that ends interrupts what is being changed, and waits for its end', async () => {
  const at = await freePort();
  const other = adminOf(fleet, open, { port: at }, { verbs });
  await other.listen();
  onTestFinished(() => other.close());
  const before = asked.length;
  const post = () => ask(at, '/servers', { method: 'POST', headers: asJson, body: '{}' });
  const answer = post();
  await until('it is called', () => asked.length > before);
  await other.stopChanges();
  expect((JSON.parse((await answer).body) as Change).state).toBe('done');
  expect(asked.at(-1)?.progress.signal.aborted).toBe(true);
  expect((await post()).status).toBe(503);
});
