import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, exchange } from '../../helpers/clients.ts';
import {
  type Fleet,
  type OpenDoor,
  startFleet,
  type TestServer,
} from '../../helpers/door-fleet.ts';

let fleet: Fleet;
let server: TestServer;
let open: OpenDoor;
beforeAll(async () => {
  fleet = await startFleet();
  server = await fleet.serve('aaaaaa', (_request, response) => {
    response.setHeader('Set-Cookie', ['a=1', 'b=2']);
    response.setHeader('Connection', 'X-Private, keep-alive');
    response.setHeader('X-Private', 'not for you');
    response.setHeader('X-Served-By', 'somebody else');
    response.end('hello');
  });
  open = await fleet.open(1);
});
afterAll(() => fleet.stop());

/** The lines of one name as they reached the server. */
function reached(name: string): string[] {
  const raw = server.requests.at(-1)?.rawHeaders ?? [];
  return raw.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name);
}

const send = (lines: string, target = '/') =>
  exchange(
    open.port,
    `GET ${target} HTTP/1.1\r\nHost: cats.example\r\nConnection: close\r\n${lines}\r\n`,
  );

test('Host, path and query reach the server byte for byte', async () => {
  for (const path of ['/..%2f', '//evil', '/a//b', '/%zz', '/?a=%E0%A4%A', '/a/../b', '/;x=1']) {
    await send('', path);
    expect(server.seen.at(-1)).toBe(`GET ${path}`);
    expect(reached('host')).toEqual(['cats.example']);
  }
});

test('an absolute target goes on as path and Host', async () => {
  await send('', 'http://other:81/p?q');
  expect(server.seen.at(-1)).toBe('GET /p?q');
  expect(reached('host')).toEqual(['other:81']);
  await send('', 'http://other');
  expect(server.seen.at(-1)).toBe('GET /');
});

test('hop-by-hop lines stop at the door', async () => {
  await send(
    'Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nProxy-Authorization: x\r\nTE: trailers\r\nTrailer: X\r\n',
  );
  for (const name of ['keep-alive', 'proxy-connection', 'proxy-authorization', 'te', 'trailer']) {
    expect(reached(name)).toEqual([]);
  }
});

test('lines named by Connection stop at the door, but never Host or its own', async () => {
  await send('Connection: X-Secret, Host, Via, X-Forwarded-For, X-Request-Id\r\nX-Secret: 1\r\n');
  expect(reached('x-secret')).toEqual([]);
  expect(reached('host')).toEqual(['cats.example']);
  expect(reached('via')).toHaveLength(1);
  expect(reached('x-forwarded-for')).toEqual(['127.0.0.1']);
  expect(reached('x-request-id')).toHaveLength(1);
});

test('X-Forwarded-* and Forwarded of a stranger are replaced', async () => {
  await send(
    'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nForwarded: for=6.6.6.6\r\n',
  );
  expect(reached('x-forwarded-for')).toEqual(['127.0.0.1']);
  expect(reached('x-forwarded-proto')).toEqual(['http']);
  expect(reached('x-forwarded-host')).toEqual(['cats.example']);
  expect(reached('x-forwarded-port')).toEqual([]);
  expect(reached('forwarded')).toEqual([]);
});

// What an app of CGI, WSGI, PHP or Rack would find in its environment.
function variables(): string[] {
  const raw = server.requests.at(-1)?.rawHeaders ?? [];
  const names = raw.filter((_, at) => at % 2 === 0);
  return names.map((name) => name.toUpperCase().replace(/[^A-Z0-9]/g, '_'));
}

const twins = [
  ...['X_Forwarded_For', 'X-Forwarded_For', 'x_forwarded-for', 'X.Forwarded.For'],
  ...['X_Forwarded_Proto', 'X_FORWARDED_HOST', 'X_Forwarded_Port', 'X_Request_Id'],
  ...['Meow_Attempt', 'Transfer_Encoding', 'Content_Length', 'Keep_Alive', 'Proxy_Authorization'],
  ...['Proxy', 'pRoXy', 'Proxy_Connection', "X'Forwarded|For", 'X~Request^Id', 'meow`attempt'],
];

test.each(twins)('a line %s never becomes what the door says in its own', async (name) => {
  await send(`${name}: 6.6.6.6\r\n`);
  expect(variables().sort()).toEqual(
    ['HOST', 'CONNECTION', 'MEOW_ATTEMPT', 'VIA', 'X_FORWARDED_FOR']
      .concat('X_FORWARDED_HOST', 'X_FORWARDED_PROTO', 'X_REQUEST_ID')
      .sort(),
  );
  expect(server.requests.at(-1)?.rawHeaders).not.toContain('6.6.6.6');
});

test('names with an underscore of their own go through', async () => {
  await send('X_Api_Key: 1\r\nX_Forwarded: 2\r\nsession_id: 3\r\nProxied: 4\r\n');
  expect(['x_api_key', 'x_forwarded', 'session_id', 'proxied'].map(reached)).toEqual([
    ...[['1'], ['2'], ['3'], ['4']],
  ]);
});

test('X-Forwarded-* and Forwarded of a trusted proxy are kept and added to', async () => {
  const { port } = await fleet.open(1, { trustProxy: ['127.0.0.0/8'] });
  const headers = { 'x-forwarded-for': '1.2.3.4', 'x-forwarded-proto': 'https' };
  await ask(port, '/', { headers });
  expect(reached('x-forwarded-for')).toEqual(['1.2.3.4, 127.0.0.1']);
  expect(reached('x-forwarded-proto')).toEqual(['https']);
});

test('X-Request-Id is kept when it is sane, else made; Meow-Attempt is always the door’s', async () => {
  await send('X-Request-Id: abc-1\r\nMeow-Attempt: mine\r\n');
  expect(reached('x-request-id')).toEqual(['abc-1']);
  expect(reached('meow-attempt')).toHaveLength(1);
  expect(reached('meow-attempt')).not.toEqual(['mine']);
  await send('X-Request-Id: a b"c\r\n');
  expect(reached('x-request-id')[0]).toMatch(/^[\w-]+$/);
});

test('Via is added to, and a request that has been through a door gets 508', async () => {
  await send('Via: 1.0 cache\r\n');
  expect(reached('via')).toEqual(['1.0 cache', `1.1 meow-${open.door.id}`]);
  const before = server.seen.length;
  expect(await send('Via: 1.0 a, 1.1 meow-zzzzzz\r\n')).toMatch(/^HTTP\/1\.1 508 /);
  expect(server.seen.length).toBe(before);
});

test('__proto__ and bytes beyond ASCII pass unharmed', async () => {
  await send('__proto__: x\r\nX-Latin: caf\xe9\r\n');
  expect(reached('__proto__')).toEqual(['x']);
  expect(reached('x-latin')).toEqual(['caf\xe9']);
});

test('the answer carries who served it, every cookie, and nothing private to the hop', async () => {
  const answer = await ask(open.port);
  expect(answer.by).toBe('aaaaaa');
  expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  expect(answer.headers).not.toHaveProperty('x-private');
});

const options = (lines: string, target = '/', method = 'OPTIONS') =>
  exchange(
    open.port,
    `${method} ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n`,
  );

test.each([
  ['5', '4'],
  ['1', '0'],
  ['007', '6'],
  ['9'.repeat(30), `${Number.MAX_SAFE_INTEGER}`],
])('OPTIONS with Max-Forwards: %s goes on with %s', async (given, rest) => {
  expect(await options(`max-forwards: ${given}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
  expect(reached('max-forwards')).toEqual([rest]);
});

test.each([
  ['0', 204],
  ['00', 204],
  ['-1', 400],
  ['x', 400],
  ['', 400],
  ['1, 1', 400],
  ['1\r\nMax-Forwards: 1', 400],
])('OPTIONS with Max-Forwards: %j goes no further and gets %i', async (given, status) => {
  const before = server.seen.length;
  const text = await options(`Max-Forwards: ${given}\r\n`);
  expect(text.slice(9, 12)).toBe(`${status}`);
  if (status === 204)
    expect(text).toMatch(/^Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r$/m);
  expect(server.seen.length).toBe(before);
});

test('Max-Forwards is spent by OPTIONS alone, also on one connection with the same lines', async () => {
  const from = server.requests.length;
  const ask3 = (method: string) => `${method} / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n`;
  const asked = ['GET', 'OPTIONS', 'OPTIONS', 'GET'];
  await exchange(open.port, asked.map(ask3).join(''), (all) => all.split('hello').length === 5);
  const seen = server.requests.slice(from).map(({ headers }) => headers['max-forwards']);
  expect(seen).toEqual(['3', '2', '2', '3']);
});

test('OPTIONS of a host alone asks for the server as a whole', async () => {
  const before = server.seen.length;
  expect(await options('', 'http://other')).toMatch(/^HTTP\/1\.1 204 /);
  expect(server.seen.length).toBe(before);
  expect(await options('', 'http://other/')).toMatch(/^HTTP\/1\.1 200 /);
});

test('OPTIONS * is answered by the door itself', async () => {
  const text = await exchange(
    open.port,
    'OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  );
  expect(text).toMatch(/^HTTP\/1\.1 204 /);
});

test('each request of a connection goes on with its own lines, whatever came before on it', async () => {
  const from = server.requests.length;
  const get = (target: string, lines: string) => `GET ${target} HTTP/1.1\r\n${lines}\r\n`;
  const same = 'Host: a.example\r\nX-One: 1\r\n';
  await exchange(
    open.port,
    [
      get('/1', same),
      get('/2', same),
      get('http://b.example/3', same),
      get('/4', same),
      get('/5', 'Host: a.example\r\nX-One: 2\r\n'),
      get('/6', `${same}Connection: X-One\r\n`),
      get('/7', 'Host: a.example\r\nX-One: 1\r\nHost: a.example\r\n'),
    ].join(''),
  );
  const lines = server.requests.slice(from).map(({ url, headers }) => ({
    url,
    host: headers.host,
    one: headers['x-one'],
  }));
  expect(lines).toEqual([
    { url: '/1', host: 'a.example', one: '1' },
    { url: '/2', host: 'a.example', one: '1' },
    { url: '/3', host: 'b.example', one: '1' },
    { url: '/4', host: 'a.example', one: '1' },
    { url: '/5', host: 'a.example', one: '2' },
    { url: '/6', host: 'a.example', one: undefined },
  ]);
  const attempts = server.requests.slice(from).map(({ headers }) => headers['meow-attempt']);
  expect(new Set(attempts).size).toBe(6);
});
