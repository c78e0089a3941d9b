import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { bigPng } from '../lib/big-png.mjs';
import { createMeowctl } from '../lib/meowctl.mjs';
import { interleave } from '../lib/rounds.mjs';
import { silentClients } from '../lib/silent-clients.mjs';
import { median, pairedRatio } from '../lib/stats.mjs';

const BOUNDARY = 'meow-bench-boundary';

/** @param {import('../lib/world.mjs').World} world */
export async function measure(world) {
  const picture = bigPng();
  world.say(`upload + meow of ${picture.length} bytes, against SET + GET with ioredis`);
  const fleet = createMeowctl(world, 'bench-pictures');
  const [server] = await fleet.ask('spawn', '1');
  const { url } = server;
  const contenders = {
    http: overHttp(world, url, picture),
    redis: () => straightToRedis(world.redis, picture),
  };
  await interleave(2, contenders);
  const { http, redis } = await interleave(world.quick ? 5 : 21, contenders);
  world.say(
    `picture: over HTTP ${median(http).toFixed(0)} ms, ioredis ${median(redis).toFixed(0)} ms`,
  );
  return [
    {
      what: '10 MiB picture, upload + meow / SET + GET',
      value: pairedRatio(http, redis),
      atMost: 3,
    },
    ...(await silentClients(world, server, 60)),
    ...(world.quick ? [] : await silentClients(world, server, 1_000)),
  ];
}

function overHttp(world, url, picture) {
  const agent = new Agent({ keepAlive: true });
  world.atEnd(() => agent.destroy());
  const body = multipart(picture);
  const headers = {
    'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
    'content-length': body.length,
  };
  return async () => {
    const begun = performance.now();
    const upload = await exchange(`${url}/upload`, { agent, method: 'POST', headers }, body);
    const meow = await exchange(`${url}/meow`, { agent });
    const ms = performance.now() - begun;
    expect('POST /upload', upload.status, 201);
    expect('GET /meow', meow.status, 200);
    if (!meow.body.equals(picture))
      throw new Error('GET /meow gave other bytes than were uploaded');
    return ms;
  };
}

function multipart(picture) {
  const part =
    'Content-Disposition: form-data; name="image"; filename="noise.png"\r\nContent-Type: image/png';
  const head = Buffer.from(`--${BOUNDARY}\r\n${part}\r\n\r\n`);
  return Buffer.concat([head, picture, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

async function exchange(url, options, body) {
  const asked = request(url, options);
  asked.end(body);
  const [answer] = await once(asked, 'response');
  const parts = [];
  for await (const part of answer) parts.push(part);
  return { status: answer.statusCode, body: Buffer.concat(parts) };
}

function expect(what, status, wanted) {
  if (status !== wanted) throw new Error(`${what}: ${status} instead of ${wanted}`);
}

async function straightToRedis(redis, picture) {
  const begun = performance.now();
  await redis.set('bench-picture', picture);
  const back = await redis.getBuffer('bench-picture');
  const ms = performance.now() - begun;
  await redis.del('bench-picture');
  if (!back?.equals(picture)) throw new Error('ioredis gave other bytes than were set');
  return ms;
}
