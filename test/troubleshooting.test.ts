import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
const page = readFileSync(join(ROOT, 'docs', 'troubleshooting.md'), 'utf8');
const quoted = [...page.matchAll(/^### `(.+)`$/gm)].map(([, message = '']) => message);
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(SRC, file), 'utf8'));

/** A message as a template of src/ has it: something that is put in where the page has `…`. */
function asInSource(message: string): RegExp {
  const pieces = message.split('…').map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(pieces.join('.{1,80}?'));
}

describe('the page of troubleshooting', () => {
  test.each(quoted)('quotes what the source says: %s', (message) => {
    const pattern = asInSource(message);
    expect(sources.some((text) => pattern.test(text))).toBe(true);
  });

  test('quotes each once, and each heading is a message', () => {
    expect(new Set(quoted).size).toBe(quoted.length);
    expect(quoted.length).toBeGreaterThan(25);
    expect(page.match(/^###/gm)).toHaveLength(quoted.length);
    expect(asInSource('port … is in use').test('no such thing')).toBe(false);
  });

  test('names only verbs and flags that there are', () => {
    const all = sources.join('\n');
    const verbs = [...page.matchAll(/`meowctl ([a-z]+)/g)].map(([, verb]) => verb);
    const flags = [...page.matchAll(/`(?:[^`\n]* )?(--[a-z-]+)/g)].map(([, flag]) => flag);
    for (const verb of verbs) expect(all).toMatch(new RegExp(`(command|alias)\\('${verb}'`));
    const ours = flags.filter((flag) => flag !== '--import');
    for (const flag of ours) expect(all).toContain(`${flag} `);
  });
});
