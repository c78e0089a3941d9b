import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import { type AddressInfo, connect, Server as NetServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { isUnread, stopAtUpgrades } from '../../src/proxy/client/ignored-upgrade.ts';
import { RequestHead } from '../../src/proxy/client/request-head.ts';

/*
 * What docs/internals.md says of Node, asked of this Node: a test that fails here tells which place
 * has to be looked at.
 */

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function opened(port: number, bytes: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(bytes);
  return socket;
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a parser whose onIncoming says 2 gives all that is behind a head to the upgrade', async () => {
  const server = createServer();
  const upgrade = once(server, 'upgrade') as Promise<[IncomingMessage, Socket, Buffer]>;
  server.on('connection', stopAtUpgrades);
  const port = await listening(server);
  const behind = '5\r\nab\r\ncd\r\n';
  const lines = 'Connection: Upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n';
  await opened(port, `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${behind}`);
  const [request, socket, head] = await upgrade;
  onTestFinished(() => void socket.destroy());
  expect(isUnread(request, new RequestHead(request.rawHeaders))).toBe(true);
  expect(head.toString()).toBe(behind);
});

test('node ends the connection of a last answer by destroySoon of its socket', async () => {
  const server = createServer((_request, response) => void response.end());
  let ended = 0;
  server.on('connection', (socket) => {
    const own = socket.destroySoon;
    socket.destroySoon = () => {
      ended += 1;
      own.call(socket);
    };
  });
  const port = await listening(server);
  const socket = await opened(port, GET.replace('Host', 'Connection: close\r\nHost'));
  await once(socket.resume(), 'close');
  expect(ended).toBe(1);
});

test('a response that waits for its turn tells by the event socket when that comes', async () => {
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => void responses.push(response));
  const port = await listening(server);
  const socket = await opened(port, GET + GET);
  await expect.poll(() => responses.length).toBe(2);
  const [first, second] = responses;
  expect(second?.socket).toBe(null);
  const told = second ? once(second, 'socket') : Promise.reject(new Error('there is no second'));
  first?.end();
  const [given] = (await told) as [Socket];
  expect(given.remotePort).toBe(socket.localPort);
});

test('an http server that is closed as a net server keeps its idle connections', async () => {
  const server = createServer((_request, response) => void response.end('fine'));
  const port = await listening(server);
  const socket = await opened(port, GET);
  await once(socket, 'data');
  NetServer.prototype.close.call(server);
  expect(server.listening).toBe(false);
  socket.write(GET);
  const [again] = (await once(socket, 'data')) as [Buffer];
  expect(again.toString()).toMatch(/^HTTP\/1\.1 200 /);
});

test('every server of node listens through the prototype of net.Server', () => {
  const servers = [createServer(), https.createServer(), http2.createServer(), new NetServer()];
  const { listen } = NetServer.prototype;
  for (const server of servers) expect(server.listen).toBe(listen);
});
