import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Admin } from '../../src/admin/admin.ts';
import type { FleetVerbs } from '../../src/admin/changes/change-routes.ts';
import { adminOf, TOKEN } from '../helpers/admin.ts';
import { ask } from '../helpers/clients.ts';
import { type Fleet, type OpenDoor, startFleet } from '../helpers/door-fleet.ts';
import { freePort } from '../helpers/redis.ts';
import { until } from '../helpers/until.ts';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly $ref?: string }>>;
}

const ROOT = join(import.meta.dirname, '..', '..');
const text = readFileSync(join(ROOT, 'docs', 'openapi.yaml'), 'utf8');
const page = parse(text, { merge: true }) as {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly responses: Readonly<Record<string, object>> };
};
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(page, 'page');

const escaped = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1');

/** What the page says is wrong with an answer; nothing where it is as the page has it. */
function wrongWith(method: string, path: string, status: number, type: string, value: unknown) {
  const responses = page.paths[path]?.[method]?.responses ?? {};
  const name = String(status) in responses ? String(status) : 'default';
  const at = ['paths', path, method, 'responses', name].map(escaped).join('/');
  const place = responses[name]?.$ref ?? `#/${at}`;
  const schema = `page${place}/content/${escaped(type)}/schema`;
  const validate = ajv.getSchema(schema);
  if (!validate) return [`no schema at ${schema}`];
  return validate(value) ? [] : (validate.errors ?? []);
}

let fleet: Fleet;
let open: OpenDoor;
let admin: Admin;
let port: number;
const done = { summary: 'done', failed: [] };
const verbs: FleetVerbs = {
  spawn: async (_, { steps, say }) => {
    steps.now('abc234', 'starts');
    say('and more');
    return done;
  },
  destroy: async () => done,
  restart: async () => done,
  scale: async () => done,
};

beforeAll(async () => {
  fleet = await startFleet();
  open = await fleet.open(0);
  await fleet.serve('aaaaaa');
  await fleet.serve('bbbbbb', (request) => request.socket.destroy());
  const figures = { rss: 1e7, cpuMs: 5, heap: 1e6, loopMs: 0.3, restarts: 2 };
  await fleet.register({ id: 'cccccc', port: 3_999, figures });
  port = await freePort();
  admin = adminOf(fleet, open, { port }, { verbs });
  await admin.listen();
  await until(
    'both are usable',
    () => open.door.servers().filter(({ state }) => state === 'usable').length >= 2,
  );
  for (let at = 0; at < 4; at += 1)
    await ask(open.port, '/x?y=1', { method: 'POST' }).catch(() => {});
  await fleet.store.images.enqueue([{ data: Buffer.from('x'), type: 'image/png', name: 'x.png' }]);
  await fleet.store.visits.recordAndRead('/x');
  await until('events', async () => (await fleet.store.events.read({ limit: 1 })).length > 0);
});
afterAll(async () => {
  admin.close();
  await fleet.stop();
});

/** Asked with the token, without, and from elsewhere; `as` is what the page calls the path. */
const asked: readonly (readonly [method: string, path: string, as: string])[] = [
  ...['/healthz', '/readyz', '/overview', '/events', '/servers', '/doors', '/queue'].map(get),
  ...['/changes', '/recent', '/poison', '/requests'].map(get),
  ['get', '/servers/aaaaaa', '/servers/{id}'],
  ['get', '/servers/zzzzzz', '/servers/{id}'],
  ['get', '/changes/zzzzzz', '/changes/{id}'],
  ['get', '/pictures/zzzzzz', '/pictures/{id}'],
  ['get', '/events?limit=x', '/events'],
  ['post', '/servers', '/servers'],
  ['post', '/restart', '/restart'],
  ['post', '/scale', '/scale'],
  ['delete', '/servers/aaaaaa', '/servers/{id}'],
  ['delete', '/servers/x', '/servers/{id}'],
];

function get(path: string) {
  return ['get', path, path] as const;
}

describe('docs/openapi.yaml', () => {
  test.each(asked)(
    'describes the answers to %s %s, and nothing is in them besides',
    async (method, path, as) => {
      for (const headers of [{}, { authorization: `Bearer ${TOKEN}` }, { host: 'evil.example' }]) {
        const answer = await ask(port, path, { method: method.toUpperCase(), headers });
        const type = String(answer.headers['content-type']);
        const value = JSON.parse(Buffer.from(answer.body, 'latin1').toString()) as unknown;
        expect(wrongWith(method, as, answer.status, type, value)).toEqual([]);
      }
    },
  );

  test('describes a change that was made', async () => {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    const body = '{"count": 2}';
    for (const path of ['/servers', '/scale'] as const) {
      const { status, body: json } = await ask(port, path, { method: 'POST', headers, body });
      expect(wrongWith('post', path, status, 'application/json', JSON.parse(json))).toEqual([]);
      expect(status).toBeLessThan(300);
    }
  });

  test('finds what is not as it says', () => {
    expect(
      wrongWith('get', '/healthz', 200, 'application/json', { id: 'abc234', state: 'up', x: 1 }),
    ).not.toEqual([]);
    expect(wrongWith('get', '/queue', 200, 'application/json', {})).not.toEqual([]);
  });

  test('has every route that the admin listener has, and no other', () => {
    const folder = join(ROOT, 'src', 'admin');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
    const source = files
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(join(folder, file), 'utf8'))
      .join('\n');
    const found = [...source.matchAll(/(?:path: |look\()'(\/[a-z]+(?:\/:id)?)'/g)];
    const routes = new Set(found.map(([, path = '']) => path.replace(':id', '{id}')));
    expect([...routes].sort()).toEqual(Object.keys(page.paths).sort());
  });

  test('is of this version', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(page.info.version).toBe(version);
  });
});
