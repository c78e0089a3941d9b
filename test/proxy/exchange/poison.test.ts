import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { PoisonList } from '../../../src/proxy/exchange/poison.ts';
import { doorOptions } from '../../../src/proxy/options.ts';
import { createUpstream } from '../../../src/proxy/upstream/upstream.ts';
import { ask } from '../../helpers/clients.ts';
import {
  type Fleet,
  PATIENT,
  startFleet,
  type TestServer,
  usable,
} from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

const IDS = ['aaaaaa', 'bbbbbb', 'cccccc', 'dddddd', 'eeeeee'];
let dead: Set<string>;

/** Servers that die of `/crash`, also behind a body, as long as `deadly` says so. */
async function frail(count: number, deadly = () => true): Promise<TestServer[]> {
  dead = new Set();
  const servers: TestServer[] = [];
  for (const id of IDS.slice(0, count)) {
    const server: TestServer = await fleet.serve(id, (request, response) => {
      if (!request.url?.startsWith('/crash') || !deadly()) return void response.end('well');
      dead.add(id);
      void server.die();
    });
    servers.push(server);
  }
  return servers;
}

test('four GETs that kill their server, one after another, cost five servers at most', async () => {
  await frail(5);
  const { port, door, lines, answers } = await fleet.open(5, PATIENT);
  const statuses: number[] = [];
  const deaths: number[] = [];
  for (let at = 0; at < 4; at += 1) {
    statuses.push((await ask(port, '/crash?x=1')).status);
    deaths.push(dead.size);
  }
  expect([statuses, deaths]).toEqual([
    [502, 502, 502, 502],
    [2, 3, 4, 5],
  ]);
  expect(door.poison()).toEqual(['GET /crash?x=1']);
  expect(lines.filter((line) => line.startsWith('GET /crash?x=1 is poison'))).toHaveLength(1);
  expect(answers.at(-1)?.trouble).toContain('it is poison');
  const told = await until('its record names it', async () => {
    const { doors } = await fleet.store.registry.fleet();
    return doors.find(({ id }) => id === door.id)?.poison;
  });
  expect(told).toEqual(['GET /crash?x=1']);
});

test('one answer, whatever it says, makes poison a request like any other again', async () => {
  let deadly = true;
  await frail(5, () => deadly);
  const { port, door } = await fleet.open(5, PATIENT);
  await ask(port, '/crash');
  expect(door.poison()).toEqual(['GET /crash']);
  deadly = false;
  expect((await ask(port, '/crash')).status).toBe(200);
  expect(door.poison()).toEqual([]);
  deadly = true;
  await ask(port, '/crash');
  expect(dead.size).toBe(4);
});

test('poison is one target alone: another query, another path or method is repeated', async () => {
  await frail(4);
  const { port } = await fleet.open(4, PATIENT);
  await ask(port, '/crash');
  await ask(port, '/crash?other');
  expect(dead.size).toBe(4);
});

test('a request that cannot be repeated is named as poison too, once two servers died of it', async () => {
  await frail(3);
  const { port, door } = await fleet.open(3, PATIENT);
  for (const count of [2, 1]) {
    expect((await ask(port, '/crash', { method: 'POST', body: 'x' })).status).toBe(502);
    await until('the door has seen it', () => usable(door).length === count);
  }
  expect(door.poison()).toEqual(['POST /crash']);
});

test('servers killed under one target, one after another, cost it no request', async () => {
  const servers = await frail(3);
  const { port, door } = await fleet.open(3, PATIENT);
  const statuses: number[] = [];
  let going = true;
  const client = async () => {
    while (going) statuses.push((await ask(port, '/')).status);
  };
  const clients = Array.from({ length: 8 }, client);
  for (const victim of servers.slice(0, 2)) {
    const before = statuses.length;
    await until('load', () => statuses.length > before + 50);
    await victim.die();
  }
  const before = statuses.length;
  await until('load', () => statuses.length > before + 50);
  going = false;
  await Promise.all(clients);
  expect(statuses.filter((status) => status !== 200)).toEqual([]);
  expect(door.poison()).toEqual([]);
});

test('a server that breaks connections and lives has not died', async () => {
  const [resets, leaves] = [await fleet.serve('aaaaaa', reset), await fleet.serve('bbbbbb', reset)];
  const { port, door } = await fleet.open(2, { ...PATIENT, retry: 'connect', probeMs: 50 });
  expect((await ask(port, '/x')).status).toBe(502);
  await until('both have shown that they live', () => usable(door).length === 2);
  await until('the probes are over', () => resets.sockets.size + leaves.sockets.size === 0);
  await ask(port, '/x');
  expect(door.poison()).toEqual([]);
});

function reset(request: { socket: { destroy(): void } }): void {
  request.socket.destroy();
}

test('the list of poison is bounded in number and in bytes, and so is what is said of it', () => {
  const said: string[] = [];
  const options = { ...doorOptions(), maxPoison: 10 };
  const list = new PoisonList(options, (line) => said.push(line));
  const upstream = createUpstream('aaaaaa', 'http://127.0.0.1:1', {} as never);
  for (let at = 0; at < 100; at += 1) {
    const path = `/${at}?${'x'.repeat(9_000)}`;
    expect(list.broke({ method: 'GET', path, upstream, repeated: true }, at)).toBe(true);
  }
  expect(list.named()).toHaveLength(10);
  expect(list.named()[0]).toMatch(/^GET \/99\?x{100,200}…$/);
  expect(said).toHaveLength(30);
});

test.each([
  ['within a minute', 59_000, true],
  ['later than that', 61_000, false],
])('two deaths with a target in flight, %s (%i ms): it is poison: %s', (_when, afterMs, poison) => {
  const list = new PoisonList(doorOptions(), () => {});
  const [one, two] = ['aaaaaa', 'bbbbbb'].map((id) =>
    createUpstream(id, 'http://127.0.0.1:1', {} as never),
  );
  const what = { method: 'GET', path: '/', repeated: false };
  expect(one && list.broke({ ...what, upstream: one }, 0)).toBe(false);
  expect(one && list.broke({ ...what, upstream: one }, 1)).toBe(false);
  expect(two && list.broke({ ...what, upstream: two }, afterMs)).toBe(poison);
});
