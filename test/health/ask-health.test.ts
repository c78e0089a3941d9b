import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { askHealth, type HealthAnswer, type HealthQuestion } from '../../src/health/ask-health.ts';

/** A server that does so once it has a request. */
async function listening(answer: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('data', () => answer(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const PATIENT_MS = 60_000;

function ask(port: number, more: Partial<HealthQuestion> = {}): Promise<HealthAnswer> {
  const limits = { withinMs: PATIENT_MS, maxBodyBytes: 100 };
  return askHealth({ host: '127.0.0.1', port, path: '/up', ...limits, ...more });
}

const problem = (problem: 'silent' | 'broken', message: RegExp) => ({
  problem,
  error: expect.objectContaining({ message: expect.stringMatching(message) }),
});

const head = 'HTTP/1.1 503 Not Now\r\n';

test('status and body of a health check come back whole', async () => {
  const port = await listening((socket) => socket.end(`${head}Content-Length: 4\r\n\r\nmeow`));
  expect(await ask(port)).toEqual({ status: 503, body: 'meow' });
});

test('a health check for the status alone waits for no body', async () => {
  const port = await listening((socket) => void socket.write(`${head}Content-Length: 4\r\n\r\n`));
  expect(await ask(port, { maxBodyBytes: 0 })).toEqual({ status: 503, body: '' });
});

test.each([
  ['that never comes', () => {}],
  ['whose head drips', drip('X', head)],
  ['whose body drips', drip('x', `${head}\r\n`)],
])('an answer to a health check %s is given up in time', async (_what, answer) => {
  const port = await listening(answer);
  expect(await ask(port, { withinMs: 150, maxBodyBytes: 1e6 })).toEqual(
    problem('silent', /^no answer in 150 ms$/),
  );
});

test.each([
  [
    'is too long',
    `${head}Content-Length: 101\r\n\r\n${'x'.repeat(101)}`,
    /^its answer is too long$/,
  ],
  ['breaks off', `${head}Content-Length: 4\r\n\r\nme`, /^its answer broke off$|^aborted$/],
  ['is no HTTP', 'meow\r\n\r\n', /^Parse Error/],
  ['is nothing', '', /^socket hang up$/],
])('an answer to a health check that %s is broken', async (_what, bytes, message) => {
  const port = await listening((socket) => void socket.end(bytes));
  expect(await ask(port)).toEqual(problem('broken', message));
});

test('a health check where nobody listens tells that it was refused', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  expect(await ask(port)).toMatchObject({ problem: 'broken', error: { code: 'ECONNREFUSED' } });
});

function drip(piece: string, first: string): (socket: Socket) => void {
  return (socket) => {
    socket.write(first);
    const timer = setInterval(() => socket.write(piece), 20);
    socket.once('close', () => clearInterval(timer));
  };
}
