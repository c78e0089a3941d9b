import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSpec } from '../../src/model/app-spec.ts';
import { parseBeatReply } from '../../src/model/beat-reply.ts';
import { parseDesiredServer } from '../../src/model/desired-server.ts';
import { parseDoor } from '../../src/model/door-record.ts';
import { parseKilled, parseOrder } from '../../src/model/drain-order.ts';
import { parseRecord, toText } from '../../src/model/server-record.ts';
import { sampleDesired, sampleRecord } from '../helpers/store.ts';

const ID = 'abc234';
const record = sampleRecord({ id: ID, startedAt: 0 });
const desired = sampleDesired();
const door = { id: ID, url: 'http://127.0.0.1:8080', host: 'somewhere', pid: 4, roster: {} };

const word = fc.stringMatching(/^[a-z][a-z0-9/.-]{0,20}$/);
const path = word.map((text) => `/${text}`);
const names = fc.uniqueArray(fc.stringMatching(/^[A-Z_]{1,8}$/), { maxLength: 5 });
const port = fc.integer({ min: 1, max: 65_535 });
const pid = fc.integer({ min: 1, max: 2 ** 31 });
const digest = fc.stringMatching(/^[0-9a-f]{64}$/);
const ms = fc.integer({ min: 0, max: 86_400_000 });
const optional = { requiredKeys: [] };

/** What somebody who may write into Redis could put in the place of a field. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, -1, 2 ** 60, '', 'x'.repeat(5_000), '\u0000', [], {}, '__proto__'),
);

/** A sound object with some of its fields replaced, taken away or added. */
function tampered(sound: object) {
  const fields = [...Object.keys(sound), 'spec', 'health', 'worker', 'program', 'poison', 'roster'];
  const changes = fc.dictionary(fc.constantFrom(...fields, '__proto__', 'strange'), anything);
  return changes.map((change) => JSON.stringify({ ...sound, ...change }));
}

const spec = fc
  .tuple(
    fc.oneof(
      fc.record({ kind: fc.constant('cat') }),
      fc.record({ kind: fc.constant('module'), path }),
      fc.record({ kind: fc.constant('program'), command: fc.array(word, { minLength: 1 }) }),
    ),
    fc.record({
      env: names.map((list) => [...list].sort()),
      envDigest: fc.option(digest),
      cwd: fc.option(path),
      health: fc.option(path),
    }),
    fc.record({ envFile: path, killMs: ms, readyMs: ms }, optional),
  )
  .map(([kind, always, sometimes]) => ({ ...kind, ...always, ...sometimes }));

describe('a parser of what others may have written', () => {
  const texts = fc.oneof(
    fc.anything(),
    fc.json(),
    tampered(record),
    tampered(desired),
    tampered(door),
  );

  test('never throws, whatever stands there: it says a thing or a problem', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constant(ID), fc.string()), texts, (id, text) => {
        for (const parse of [parseRecord, parseDesiredServer, parseDoor]) {
          const parsed = parse(id, text);
          expect('ok' in parsed || parsed.problem.length > 0).toBe(true);
        }
        for (const parse of [parseOrder, parseKilled, parseBeatReply, parseSpec]) parse(text);
      }),
      { numRuns: 500 },
    );
  });

  test('takes what it accepted itself a second time, as it was', () => {
    fc.assert(
      fc.property(tampered(record), tampered(desired), tampered(door), (one, two, three) => {
        const server = parseRecord(ID, one);
        if ('ok' in server) expect(parseRecord(ID, toText(server.ok))).toEqual(server);
        const wanted = parseDesiredServer(ID, two);
        if ('ok' in wanted)
          expect(parseDesiredServer(ID, JSON.stringify(wanted.ok))).toEqual(wanted);
        const proxy = parseDoor(ID, three);
        if ('ok' in proxy) expect(parseDoor(ID, JSON.stringify(proxy.ok))).toEqual(proxy);
      }),
      { numRuns: 500 },
    );
  });
});

describe('what we write ourselves', () => {
  test('is accepted by the parser of server records, with every field as it was', () => {
    const more = fc.record(
      {
        hostId: fc.stringMatching(/^[a-z2-9]{16}$/),
        pidNs: word,
        failing: word,
        killMs: ms,
        folder: path,
        program: fc.record({ pid, port }),
        worker: fc.record({ pid }),
        state: fc.constantFrom('up', 'draining'),
      },
      optional,
    );
    fc.assert(
      fc.property(port, pid, fc.nat(), more, (port, pid, requests, fields) => {
        const url = `http://127.0.0.1:${port}`;
        const written = { ...record, url, port, pid, requests, ...fields } as typeof record;
        expect(parseRecord(ID, toText(written))).toEqual({ ok: written });
      }),
    );
  });

  test('is accepted by the parser of desired servers, with every field and the whole app as it was', () => {
    const more = fc.record(
      {
        id: fc.constant(ID),
        registry: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
        namespace: fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/),
        advertise: fc.option(word),
        restarts: fc.nat(),
        ofUp: fc.boolean(),
        state: fc.constantFrom('wanted', 'stopped', 'crashed'),
      },
      optional,
    );
    fc.assert(
      fc.property(spec, port, more, (spec, port, fields) => {
        const written = { ...desired, spec, port, ...fields };
        const host = written.advertise?.replaceAll('/', '.') ?? null;
        const sound = { ...written, advertise: host };
        expect(parseDesiredServer(ID, JSON.stringify(sound))).toEqual({ ok: sound });
      }),
    );
  });
});
