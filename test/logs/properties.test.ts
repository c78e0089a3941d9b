import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import { parseLogLine } from '../../src/logs/files.ts';
import { LogReader } from '../../src/logs/reader.ts';
import { RotatingLog } from '../../src/logs/rotating-log.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';

const line = fc.string({ unit: 'binary', maxLength: 60 }).map((text) => text.replaceAll('\n', ''));
const now = () => new Date(1_900_000_000_000);

describe('whatever a server says', () => {
  test('is read as it was said, with its stream, in its order, however it is cut into pieces', () => {
    const said = fc.array(fc.record({ line, from: fc.constantFrom('out', 'err') }));
    const path = join(temporaryFolder(), 'x.log');
    fc.assert(
      fc.property(said, fc.integer({ min: 1, max: 7 }), (lines, step) => {
        writeFileSync(path, '');
        const log = new RotatingLog(path, defaults, now);
        for (const { line, from } of lines) {
          const bytes = Buffer.from(`${line}\n`);
          for (let at = 0; at < bytes.length; at += step) {
            log.write(bytes.subarray(at, at + step), from);
          }
        }
        log.close();
        const stored = readFileSync(path, 'utf8').split('\n').slice(0, -1).map(parseLogLine);
        const expected = lines.map(({ line, from }) => ({
          at: now().toISOString(),
          stream: from === 'err' ? 'stderr' : 'stdout',
          line: Buffer.from(line).toString(),
        }));
        expect(stored).toEqual(expected);
      }),
    );
  });

  test('stays within its files, each within its size, and what is left are whole lines', () => {
    const sizes = fc.record({
      logMaxBytes: fc.integer({ min: 60, max: 400 }),
      logFiles: fc.constant(3),
    });
    fc.assert(
      fc.property(fc.array(line, { maxLength: 40 }), sizes, (lines, limits) => {
        const folder = temporaryFolder();
        const log = new RotatingLog(join(folder, 'x.log'), { ...defaults, ...limits }, now);
        for (const each of lines) log.write(`${each}\n`);
        log.close();
        const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
        expect(texts.length).toBeLessThanOrEqual(limits.logFiles);
        for (const text of texts) {
          expect(text.length).toBeLessThanOrEqual(limits.logMaxBytes);
          const stored = text.toString('latin1').split('\n');
          expect(stored.pop()).toBe('');
          expect(stored.filter((each) => parseLogLine(each).at === null)).toEqual([]);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('is read backwards as it is forwards, over the edges of blocks too', () => {
    const path = join(temporaryFolder(), 'x.log');
    const long = fc.tuple(line, fc.nat(40_000)).map(([text, more]) => text + 'ä'.repeat(more));
    // As each is stored: with something in front.
    const stored = fc.oneof(line, long).map((text) => `- ${text}`);
    fc.assert(
      fc.property(fc.array(stored, { minLength: 1, maxLength: 12 }), (lines) => {
        const text = lines.map((each) => `${each}\n`).join('');
        writeFileSync(path, text);
        const reader = new LogReader(path, { from: 'end', logFiles: 1, onDenied: () => {} });
        const seen = [...reader.backwards()].reverse();
        reader.close();
        expect(seen).toEqual(Buffer.from(text).toString().split('\n').slice(0, -1));
      }),
      { numRuns: 50 },
    );
  });
});
