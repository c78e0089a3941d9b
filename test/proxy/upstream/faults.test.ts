import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ask, rotation, startRaw } from '../../helpers/clients.ts';
import { type Fleet, startFleet, stateOf, usable } from '../../helpers/door-fleet.ts';
import { freePort } from '../../helpers/redis.ts';
import { until } from '../../helpers/until.ts';
import { measured, request } from '../../helpers/yardstick.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

async function load(port: number, options: object, during: () => Promise<unknown>) {
  let going = true;
  const results: (number | string)[] = [];
  const client = async () => {
    while (going) {
      const result = await ask(port, '/', options).then(
        ({ status }) => status,
        (error: Error) => error.message,
      );
      results.push(result);
    }
  };
  const clients = [client(), client(), client(), client()];
  await during().finally(() => {
    going = false;
  });
  await Promise.all(clients);
  return results;
}

describe('without a server', () => {
  test('a request gets 503 with Retry-After and what to do, in JSON for who asks for it', async () => {
    const { port } = await fleet.open(0);
    const { value: refused, ms, slackMs } = await measured(ask(port), request);
    expect(ms).toBeLessThan(500 + slackMs);
    expect(refused).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: 'no servers: start one with `meowctl spawn`\n',
    });
    const json = await ask(port, '/', { headers: { accept: 'application/json' } });
    expect(JSON.parse(json.body)).toMatchObject({ status: 503 });
  });

  test('all of them refusing is the same 503, and one that starts is found', async () => {
    const server = await fleet.serve('aaaaaa');
    const { port, door } = await fleet.open(1);
    await server.die();
    expect((await ask(port)).status).toBe(503);
    expect((await ask(port, '/', { method: 'POST', body: 'x' })).status).toBe(503);
    expect(stateOf(door, 'aaaaaa')).toBe('out');
    await fleet.serve('bbbbbb');
    await until('200 again', async () => (await ask(port)).status === 200);
  });
});

describe('a server that refuses connections', () => {
  test.each(['GET', 'POST'])('costs no %s, and is out after the first', async (method) => {
    const servers = [await fleet.serve('aaaaaa'), await fleet.serve('bbbbbb')];
    const { port, door } = await fleet.open(2);
    await servers[0]?.die();
    const body = method === 'POST' ? { body: 'x'.repeat(10_000) } : {};
    const all = await Promise.all(
      Array.from({ length: 60 }, () => ask(port, '/', { method, ...body })),
    );
    expect(all.filter(({ status }) => status !== 200)).toEqual([]);
    expect(usable(door)).toEqual(['bbbbbb']);
  });

  test('is used again after two good probes', async () => {
    const raw = await startRaw((socket, text) => {
      const body = text.includes('/healthz') ? '{"id":"aaaaaa","state":"up"}' : 'raw';
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    await fleet.serve('bbbbbb');
    await raw.stop();
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    const { port, door } = await fleet.open(2, { probeMs: 50 });
    await until('it is out', async () => (await ask(port)) && stateOf(door, 'aaaaaa') === 'out');
    const { createServer } = await import('node:http');
    const back = createServer((_request, response) => response.end('{"id":"aaaaaa","state":"up"}'));
    await new Promise<void>((resolve) => back.listen(raw.port, '127.0.0.1', resolve));
    await until('it is usable', () => usable(door).includes('aaaaaa'));
    back.closeAllConnections();
    back.close();
  });
});

describe('an orderly leave', () => {
  test('is believed at once: nothing more is sent, and the door acknowledges', async () => {
    const servers = [await fleet.serve('aaaaaa'), await fleet.serve('bbbbbb')];
    const { port, door } = await fleet.open(2);
    await rotation(port, 4);
    const leaving = servers[0];
    await leaving?.say({ state: 'draining' });
    const record = { id: 'aaaaaa', port: leaving?.port ?? 0, state: 'draining' } as const;
    const { sampleRecord } = await import('../../helpers/store.ts');
    await until('the door acknowledged', async () => {
      const reply = await fleet.store.registry.beat(sampleRecord(record), null);
      return reply.acks.includes(door.id);
    });
    const before = leaving?.seen.length;
    expect(new Set(await rotation(port, 6))).toEqual(new Set(['bbbbbb']));
    expect(leaving?.seen.length).toBe(before);
    await until('the door closed its connections', () => leaving?.sockets.size === 0);
  });

  test('costs no request, whatever the method, and what is in flight is finished', async () => {
    const waiting: (() => void)[] = [];
    const slow = await fleet.serve('aaaaaa', (request, response) => {
      if (request.url === '/slow') waiting.push(() => response.end('done'));
      else request.resume().once('end', () => response.end());
    });
    await fleet.serve('bbbbbb');
    const { port, door } = await fleet.open(2);
    const held = [ask(port, '/slow'), ask(port, '/slow')];
    await until('one is in flight', () => waiting.length === 1);
    const results = await load(port, { method: 'POST', body: 'x' }, async () => {
      await slow.say({ state: 'draining' });
      await until('it drains', () => stateOf(door, 'aaaaaa') === 'draining');
    });
    expect(results.filter((status) => status !== 200)).toEqual([]);
    for (const release of waiting) release();
    expect((await held[0])?.status).toBe(200);
    for (const { outstanding } of [{ outstanding: held[1] }]) outstanding?.catch(() => {});
  });

  test('may be said by the health check alone', async () => {
    const raw = await startRaw((socket) => {
      const body = '{"id":"aaaaaa","state":"draining"}';
      socket.end(`HTTP/1.1 503 Busy\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    const { door } = await fleet.open(1, { probeMs: 50 });
    await fleet.store.registry.forget('aaaaaa');
    await until('it drains', () => [undefined, 'draining'].includes(stateOf(door, 'aaaaaa')));
    await raw.stop();
  });
});

describe('vanishing is verified', () => {
  test('Redis killed and back empty costs no request while the servers live', async () => {
    await fleet.serve('aaaaaa');
    await fleet.serve('bbbbbb');
    const { port, door } = await fleet.open(2);
    const results = await load(port, {}, async () => {
      await fleet.redis.kill('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await fleet.redis.restart();
      await until('the registry is full again', async () => {
        const view = await fleet.store.registry.records(10).catch(() => null);
        return view?.servers.length === 2;
      });
      await until('both are usable', () => usable(door).length === 2);
    });
    expect(results.filter((status) => status !== 200)).toEqual([]);
    expect(results.length).toBeGreaterThan(20);
  });

  test('a server whose record vanished is used while its probes pass', async () => {
    const server = await fleet.serve('aaaaaa');
    const { port, door } = await fleet.open(1, { probeMs: 50 });
    server.silence();
    await fleet.store.registry.forget('aaaaaa');
    await until('it is doubtful', () => stateOf(door, 'aaaaaa') === 'doubtful');
    expect((await ask(port)).by).toBe('aaaaaa');
    await server.say({});
    await until('it is usable again', () => stateOf(door, 'aaaaaa') === 'usable');
  });

  test('three bad probes drop it, and a GET that waits on it goes to another server', async () => {
    const raw = await startRaw(() => {});
    await fleet.serve('bbbbbb');
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    // It has waited for longer than tries may take.
    const short = { probeMs: 50, probeTimeoutMs: 100, retryWindowMs: 100 };
    const { port, door } = await fleet.open(2, short);
    const stuck = [ask(port), ask(port)];
    await until('one waits', () => raw.received().includes('GET / '));
    await fleet.store.registry.forget('aaaaaa');
    expect((await Promise.all(stuck)).map(({ by }) => by)).toEqual(['bbbbbb', 'bbbbbb']);
    expect(usable(door)).toEqual(['bbbbbb']);
    await raw.stop();
  });

  test('one that is out already gives up what waits on it when its probes stay without an answer', async () => {
    const raw = await startRaw((socket, text) => {
      if (text.startsWith('GET /reset')) socket.resetAndDestroy();
    });
    await fleet.serve('bbbbbb');
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    const { port, door } = await fleet.open(2, { probeMs: 50, probeTimeoutMs: 200 });
    const stuck = [ask(port), ask(port)];
    await until('one waits', () => raw.received().includes('GET / '));
    await until('it is out', async () => {
      expect((await ask(port, '/reset')).by).toBe('bbbbbb');
      return stateOf(door, 'aaaaaa') === 'out';
    });
    expect((await Promise.all(stuck)).map(({ by }) => by)).toEqual(['bbbbbb', 'bbbbbb']);
    await raw.stop();
  });

  test('one that listens no more may finish what it has', async () => {
    const finish: (() => void)[] = [];
    const raw = await startRaw((socket, text) => {
      if (!text.startsWith('GET /long ')) return;
      finish.push(() => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nraw'));
    });
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    await fleet.serve('bbbbbb');
    const { port, door } = await fleet.open(2, { probeMs: 20 });
    const long = [ask(port, '/long'), ask(port, '/long')];
    await until('it is asked', () => finish.length === 1);
    raw.stopListening();
    await until('it is out', async () => {
      expect((await ask(port)).by).toBe('bbbbbb');
      return stateOf(door, 'aaaaaa') === 'out';
    });
    const { probes } = door.figures.tally('aaaaaa');
    await until('nobody was there for its health checks', () => probes.vacant > 5);
    finish[0]?.();
    expect((await Promise.all(long)).map(({ body }) => body)).toContain('raw');
    await raw.stop();
  });

  test('however long and many GETs waited on a server that is given up, none fails', async () => {
    const raw = await startRaw(() => {});
    await fleet.serve('bbbbbb');
    await fleet.register({ id: 'aaaaaa', port: raw.port, url: `http://127.0.0.1:${raw.port}` });
    const soon = { probeMs: 50, probeTimeoutMs: 100, retryWindowMs: 20 };
    const { port } = await fleet.open(2, soon);
    const all = Promise.all(Array.from({ length: 40 }, () => ask(port)));
    await until('half of them wait', () => raw.received().split('GET / ').length > 20);
    await fleet.store.registry.forget('aaaaaa');
    expect((await all).filter(({ status }) => status !== 200)).toEqual([]);
    await raw.stop();
  });

  test('a stranger at the port of a lost server never gets a request', async () => {
    const stranger = await startRaw((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"id":"zzzzzz"}'),
    );
    const { door, port } = await fleet.open(0, { probeMs: 50 });
    const record = { id: 'aaaaaa', port: stranger.port, url: `http://127.0.0.1:${stranger.port}` };
    await fleet.register(record);
    await fleet.redis; // its lease is taken away before the door reads it
    await until('it is known', () => stateOf(door, 'aaaaaa') !== undefined);
    await until('a probe was made or it is usable', () => door.servers()[0]?.state !== undefined);
    await fleet.store.registry.forget('aaaaaa');
    await until(
      'it is dropped',
      () => !usable(door).includes('aaaaaa') && stateOf(door, 'aaaaaa') !== 'doubtful',
    );
    expect((await ask(port)).status).toBe(503);
    expect(stranger.received()).not.toContain('GET / ');
    await stranger.stop();
  });
});

describe('a tampered registry', () => {
  test.each([
    ['a name in the network', 'evil.com', 80],
    ['a private address', '10.0.0.5', 80],
    ['the cloud metadata address', '169.254.169.254', 80],
    ['every address', '0.0.0.0', 80],
    ['a number that is loopback to some', '2130706433', 80],
  ])('cannot make the door connect to %s', async (_what, host, at) => {
    await fleet.register({ id: 'aaaaaa', url: `http://${host}:${at}`, port: at });
    const { door, lines, port } = await fleet.open(0);
    await until('it is known', () => stateOf(door, 'aaaaaa') === 'out');
    expect((await ask(port)).status).toBe(503);
    expect(lines.join()).toContain('outside --allow-backends');
  });

  test('with junk in it costs nothing but a line for each', async () => {
    await fleet.serve('bbbbbb');
    const { Redis } = await import('ioredis');
    const redis = new Redis(fleet.redis.url);
    for (const [id, junk] of [
      ['aaaaaa', 'not json'],
      ['cccccc', '[]'],
      ['dddddd', '{"id":"dddddd","port":"22"}'],
    ] as const) {
      await redis.hset('{meow}:servers', id, junk);
      await redis.zadd('{meow}:leases', 9e15, id);
    }
    const { port, lines } = await fleet.open(1);
    expect(await rotation(port, 3)).toEqual(['bbbbbb', 'bbbbbb', 'bbbbbb']);
    expect(lines.filter((line) => line.startsWith('skipped'))).toHaveLength(3);
    await redis.flushall();
    redis.disconnect();
  });
});

describe('a door among the servers', () => {
  test('is never forwarded to when it is this door', async () => {
    const own = await freePort();
    await fleet.register({ id: 'aaaaaa', port: own, url: `http://127.0.0.1:${own}` });
    const { port, lines } = await fleet.open(0, { port: own });
    expect((await ask(port)).status).toBe(503);
    expect(lines.join()).toContain('this door');
  });

  test('is never forwarded to however its address is spelt, nor is its admin listener', async () => {
    const [own, admin] = [await freePort(), await freePort()];
    await fleet.register({ id: 'aaaaaa', port: own, url: `http://[::ffff:127.0.0.1]:${own}` });
    await fleet.register({ id: 'bbbbbb', port: own, url: `http://localhost:${own}` });
    await fleet.register({ id: 'cccccc', port: admin, url: `http://127.0.0.1:${admin}` });
    const alsoOurs = [{ host: '127.0.0.1', port: admin }];
    const { port, lines } = await fleet.open(0, { port: own, alsoOurs });
    expect((await ask(port)).status).toBe(503);
    expect(lines.filter((line) => line.includes('this door'))).toHaveLength(3);
  });

  test('answers 508 after one hop when two doors name each other', async () => {
    const [one, two] = [await freePort(), await freePort()];
    await fleet.register({ id: 'aaaaaa', port: one, url: `http://127.0.0.1:${one}` });
    await fleet.register({ id: 'bbbbbb', port: two, url: `http://127.0.0.1:${two}` });
    const first = await fleet.open(1, { port: one });
    await fleet.open(1, { port: two });
    expect((await ask(first.port)).status).toBe(508);
  });
});

describe('a server that answers for its health elsewhere', () => {
  test('is asked there, and /healthz is its own affair', async () => {
    const server = await fleet.serve('aaaaaa', (request, response) => {
      if (request.url === '/alive') response.end('{"id":"aaaaaa","state":"up"}');
      else response.end('its own');
    });
    await server.say({ health: '/alive' });
    server.silence();
    const { door, port } = await fleet.open(1);
    await until('its lease ran out', () => stateOf(door, 'aaaaaa') === 'doubtful');
    await until('it was asked', () => server.seen.filter((it) => it === 'GET /alive').length > 3);
    expect(usable(door)).toEqual([]);
    expect((await ask(port, '/x')).body).toBe('its own');
  });
});
