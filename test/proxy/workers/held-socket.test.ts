import { connect, createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { listen } from '../../../src/listen.ts';
import { HeldSocket } from '../../../src/proxy/workers/held-socket.ts';

const open: Server[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

function held(host: string, port = 0): Promise<number> {
  const socket = new HeldSocket();
  open.push(socket);
  return listen(socket, { host, port }, 'Choose another');
}

test('a held socket takes no connection itself, and waits for whoever listens on it', async () => {
  const socket = new HeldSocket();
  open.push(socket);
  const port = await listen(socket, { host: 'localhost', port: 0 }, '');
  expect(socket.listening).toBe(true);
  const answers = createServer((client) => client.end('accepted'));
  answers.listen(socket.handle);
  open.push(answers);
  const { address } = socket.address() as { address: string };
  const text = await new Promise<string>((resolve) => {
    let all = '';
    connect(port, address)
      .on('data', (piece) => (all += piece))
      .once('close', () => resolve(all));
  });
  expect(text).toBe('accepted');
  expect(await new Promise((resolve) => socket.getConnections((_, count) => resolve(count)))).toBe(
    0,
  );
});

test('a port that is taken, and an address of another machine, are named', async () => {
  const other = createServer();
  open.push(other);
  const port = await listen(other, { host: '127.0.0.1', port: 0 }, '');
  await expect(held('127.0.0.1', port)).rejects.toMatchObject({
    code: 'port-in-use',
    message: `port ${port} is in use`,
  });
  await expect(held('192.0.2.1')).rejects.toMatchObject({
    message: expect.stringContaining('cannot listen on "192.0.2.1": EADDRNOTAVAIL'),
  });
  await expect(held('no.such.host.invalid')).rejects.toMatchObject({ code: 'listen' });
});

test('a socket that somebody else listens on is held by its descriptor', async () => {
  const other = new HeldSocket();
  open.push(other);
  const port = await listen(other, { host: '127.0.0.1', port: 0 }, '');
  const socket = new HeldSocket();
  const given = other.handle;
  const use = (server: Server) => void server.listen(given);
  expect(await listen(socket, { host: '', port: 0, open: use }, '')).toBe(port);
  expect(socket.handle).toBe(given);
});
