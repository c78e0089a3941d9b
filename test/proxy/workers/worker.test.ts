import { Agent, type RequestListener } from 'node:http';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { FromWorker } from '../../../src/proxy/workers/messages.ts';
import { ask, exchange } from '../../helpers/clients.ts';
import { type LoneWorker, startLoneWorker } from '../../helpers/lone-worker.ts';
import { until } from '../../helpers/until.ts';

let worker: LoneWorker | null = null;
afterEach(async () => {
  await worker?.stop();
  worker = null;
});

const HALF = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
const NO_CHUNK = 'zz\r\n';

test('a request that turns out to be none while it waits for a place is refused at once', async () => {
  worker = await startLoneWorker([{ id: 'aaaaaa', app: hello }]);
  const answer = await exchange(worker.port, HALF + NO_CHUNK);
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(worker.told.filter(({ is }) => is === 'full')).toHaveLength(1);
});

test('so is one that waits to hear whether it is tried again', async () => {
  const breaks: RequestListener = ({ socket }) => void socket.destroy();
  let goOn = () => {};
  worker = await startLoneWorker([{ id: 'aaaaaa', app: breaks }], {}, ({ is }) => {
    if (is === 'broke') goOn();
  });
  worker.hear({ do: 'grant', server: 'aaaaaa', places: 8 });
  const client = connect(worker.port, '127.0.0.1', () => client.write(HALF));
  goOn = () => client.write(NO_CHUNK);
  let text = '';
  client.on('data', (piece) => (text += piece)).on('error', () => {});
  await until('it is answered', () => client.closed);
  expect(text).toMatch(/^HTTP\/1.1 400 /);
  expect(text.match(/HTTP\/1.1/g)).toHaveLength(1);
});

test('clients who wait for places at their server get there one by one, though another has room', async () => {
  const held: (() => void)[] = [];
  const app: RequestListener = (request, response) => {
    if (request.url === '/') return void response.end();
    held.push(() => response.end());
  };
  const servers = [
    { id: 'aaaaaa', app },
    { id: 'bbbbbb', app: hello },
  ];
  // One place for each question, as long as there are some.
  let left = 6;
  worker = await startLoneWorker(servers, { maxInflight: 8 }, (message, { hear }) => {
    if (message.is !== 'full') return;
    const { question } = message;
    const yes = left > 0;
    left -= 1;
    // By then all of them wait for this one answer.
    setTimeout(() => {
      if (yes) hear({ do: 'grant', server: 'aaaaaa', places: 1 });
      hear({ do: 'answer', question, yes });
    }, 200);
  });
  const { port } = worker;
  worker.hear({ do: 'grant', server: 'aaaaaa', places: 1 });
  const { headers, by } = await ask(port);
  expect(by).toBe('aaaaaa');
  const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  worker.hear({ do: 'grant', server: 'bbbbbb', places: 8 });
  const asked = Array.from({ length: 6 }, () => ask(port, '/held', { headers: { cookie } }));
  const served = Promise.all(asked);
  await until('all are at their server, or at the other', () =>
    Promise.race([served.then(() => true), held.length === 6]),
  );
  for (const end of held) end();
  expect((await served).map(({ by: who }) => who)).toEqual(Array(6).fill('aaaaaa'));
});

test('what has trouble is told in few reports, all of it', async () => {
  const notes = (told: readonly FromWorker[]) =>
    told.flatMap((message) => (message.is === 'report' ? message.notes : []));
  const breaks: RequestListener = ({ socket }) => void socket.destroy();
  worker = await startLoneWorker([{ id: 'aaaaaa', app: breaks }], {}, (message, { hear }) => {
    if (message.is !== 'broke') return;
    const { question } = message;
    hear({ do: 'verdict', question, again: false, poison: false });
  });
  const { port, told } = worker;
  worker.hear({ do: 'grant', server: 'aaaaaa', places: 512 });
  const before = told.length;
  const beganMs = performance.now();
  const path = `/${'x'.repeat(4_000)}`;
  for (let at = 0; at < 100; at += 1) expect((await ask(port, path)).status).toBeGreaterThan(499);
  const all = await until('it has told of all', () => notes(told).length === 100 && notes(told));
  const tookMs = performance.now() - beganMs;
  expect(all.every((note) => note.path.length <= 200)).toBe(true);
  const reports = told.slice(before).filter(({ is }) => is === 'report');
  expect(reports.length).toBeLessThanOrEqual(tookMs / 20 + 2);
});

test('a worker that has as many clients as it may rests while they stay, and not while they come and go', async () => {
  worker = await startLoneWorker([{ id: 'aaaaaa', app: hello }]);
  const { port, told } = worker;
  worker.hear({ do: 'grant', server: 'aaaaaa', places: 512 });
  worker.hear({ do: 'upTo', most: 2 });
  const rests = () => told.filter(({ is }) => is === 'resting');
  const agents = Array.from({ length: 82 }, () => new Agent({ keepAlive: true }));
  for (const agent of agents.slice(0, 2)) await ask(port, '/', { agent });
  for (let at = 0; at < 40; at += 1) {
    expect((await ask(port, '/', { headers: { connection: 'close' } })).status).toBe(200);
  }
  expect(rests()).toEqual([]);
  const answered: number[] = [];
  for (const agent of agents.slice(2)) {
    void ask(port, '/', { agent }).then(
      ({ status }) => answered.push(status),
      () => {},
    );
    const before = answered.length;
    await until('it is answered, or nobody accepts', () => {
      return answered.length > before || rests().length > 0;
    });
    if (rests().length > 0) break;
  }
  expect(rests()).toHaveLength(1);
  for (const agent of agents) agent.destroy();
});

function hello(...[request, response]: Parameters<RequestListener>): void {
  request.resume().once('end', () => response.end('hello'));
}
