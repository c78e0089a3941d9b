import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { openSite, type Site } from '../helpers/cli.ts';
import { readBlocks, readIterm, readKitty, readSixels } from '../helpers/drawn.ts';
import { difference, pathOf, pictureFile, thumbnail, thumbnails } from '../helpers/pictures.ts';
import { answers, inTerminal, type Kind } from '../helpers/pseudo-terminal.ts';

let site: Site;
let raw: Redis;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
});
beforeEach(() => raw.flushall());
afterAll(async () => {
  raw.disconnect();
  await site.close();
});

const queued = () => raw.llen('{meow}:images');
const terminal = (kind: Partial<Kind>): Kind => ({
  ...kind,
  env: { ...site.env, COLORTERM: 'truecolor', ...kind.env },
});

async function upload(name: string): Promise<void> {
  expect((await site.run(['upload', pathOf(name)])).code).toBe(0);
}

async function draw(name: string, kind: Partial<Kind>, args: readonly string[] = []) {
  await upload(name);
  return drawn(kind, args);
}

async function drawn(kind: Partial<Kind>, args: readonly string[] = []) {
  const ended = await inTerminal(['meow', ...args], terminal(kind)).ended;
  return { ...ended, queued: await queued() };
}

/** The terminal is as it was, no answer is left to the shell, and the picture has gone. */
const done = { code: 0, isRestored: true, leaked: '', queued: 0 };

describe('a terminal with a protocol for pictures', () => {
  test('of kitty gets a png byte for byte, no wider than it is', async () => {
    const ended = await draw('night.png', { answer: answers.kitty });
    expect(ended).toMatchObject(done);
    const [image, ...others] = readKitty(ended.shown);
    expect(others).toEqual([]);
    expect(image?.keys).toMatchObject({ a: 'T', f: '100', q: '2', c: '62', r: '23' });
    expect(image?.data.equals(pictureFile('night.png'))).toBe(true);
  });

  test.each(['morning.jpg', 'box.webp'])('of kitty gets the pixels of %s', async (name) => {
    const ended = await draw(name, { answer: answers.kitty });
    expect(ended).toMatchObject(done);
    const [{ keys = {}, data } = {}] = readKitty(ended.shown);
    expect(keys).toMatchObject({ f: '32', s: '613', v: '460' });
    const bitmap = { width: 613, height: 460, rgba: data ?? Buffer.alloc(0) };
    expect(difference(thumbnail(bitmap), thumbnails(name)[0] ?? bitmap)).toBeLessThan(3);
  });

  test.each(['morning.jpg', 'tail.gif', 'box.webp', 'night.png'])(
    'of iTerm2 gets %s as it is',
    async (name) => {
      const ended = await draw(name, { answer: answers.iterm });
      expect(ended).toMatchObject(done);
      const [file, ...others] = readIterm(ended.shown);
      expect(others).toEqual([]);
      const [width, height] = name === 'tail.gif' ? ['48', '18'] : ['62', '23'];
      expect(file?.keys).toMatchObject({ inline: '1', width, height });
      expect(file?.data.equals(pictureFile(name))).toBe(true);
    },
  );

  test.each(['morning.jpg', 'night.png', 'box.webp'])(
    'of sixel gets %s in 256 colours',
    async (name) => {
      const ended = await draw(name, { answer: answers.sixel });
      expect(ended).toMatchObject(done);
      const [picture, ...others] = readSixels(ended.shown);
      expect(others).toEqual([]);
      if (!picture) throw new Error('nothing was drawn');
      expect([picture.width, picture.height]).toEqual([608, 456]);
      expect(difference(thumbnail(picture), thumbnails(name)[0] ?? picture)).toBeLessThan(4);
    },
  );

  test('with 16 colours gets no more than those', async () => {
    const ended = await draw('morning.jpg', { answer: answers.vt340 });
    expect(ended).toMatchObject(done);
    expect(new Set(ended.shown.match(/#\d+/g)).size).toBeLessThanOrEqual(16);
    const [picture] = readSixels(ended.shown);
    if (!picture) throw new Error('nothing was drawn');
    expect(difference(thumbnail(picture), thumbnails('morning.jpg')[0] ?? picture)).toBeLessThan(
      12,
    );
  });

  test('is asked also where stdin is something else', async () => {
    const shell = (command: string) => `${command} </dev/null`;
    const ended = await draw('night.png', { answer: answers.kitty, shell });
    expect(ended).toMatchObject(done);
    expect(readKitty(ended.shown)).toHaveLength(1);
  });

  test('is not asked from the background, where that would stop us', async () => {
    const shell = (command: string) => `set -m; ${command} & wait $!`;
    const ended = await draw('night.png', { answer: answers.kitty, shell });
    expect(ended).toMatchObject(done);
    expect(ended.shown).not.toContain('\u001b[c');
    expect(readBlocks(ended.shown).width).toBeGreaterThan(50);
  });
});

describe('a terminal without one', () => {
  test.each(['morning.jpg', 'night.png', 'box.webp'])('gets %s in half blocks', async (name) => {
    const ended = await draw(name, { answer: answers.plain });
    expect(ended).toMatchObject(done);
    const picture = readBlocks(ended.shown);
    expect([picture.width, picture.height]).toEqual([61, 46]);
    expect(difference(thumbnail(picture), thumbnails(name)[0] ?? picture)).toBeLessThan(8);
  });

  test('gets the 256 colours of its palette where nothing says that it has more', async () => {
    const ended = await draw('morning.jpg', { answer: answers.plain, env: { COLORTERM: '' } });
    expect(ended).toMatchObject(done);
    expect(ended.shown).not.toMatch(/[34]8;2;/);
    const picture = readBlocks(ended.shown);
    expect(difference(thumbnail(picture), thumbnails('morning.jpg')[0] ?? picture)).toBeLessThan(
      20,
    );
  });

  test('that answers nothing is drawn on all the same', async () => {
    const ended = await draw('night.png', {});
    expect(ended).toMatchObject(done);
    expect(readBlocks(ended.shown).width).toBe(61);
  });

  test('but that answers late leaves none of it to the shell', async () => {
    let told = false;
    const late = (asked: string) => {
      if (!asked.includes('▀') && !asked.includes(Buffer.from('▀').toString('latin1'))) return '';
      if (told) return '';
      told = true;
      return `${answers.kitty('\u001b[c')}`;
    };
    const ended = await draw('night.png', { answer: late });
    expect(ended).toMatchObject(done);
    expect(told).toBe(true);
  });

  test('in tmux or screen is not asked', async () => {
    for (const env of [{ TMUX: '/tmp/tmux-0/default,1,0' }, { STY: '1.tty' }, { TERM: 'screen' }]) {
      const ended = await draw('night.png', { answer: answers.kitty, env });
      expect(ended).toMatchObject(done);
      expect(ended.shown).not.toContain('\u001b[c');
      expect(readBlocks(ended.shown).width).toBe(61);
    }
  });

  test('is drawn on in letters where no colour is wanted', async () => {
    const ended = await draw('night.png', { answer: answers.plain, env: { NO_COLOR: '1' } });
    expect(ended).toMatchObject(done);
    const [, drawing = ''] = ended.shown.split('\u001b[K');
    expect(drawing).toMatch(/^[ .:=+*#%@\r\n-]+$/);
    expect(drawing.trim().split('\n').length).toBeGreaterThan(20);
  });

  test('is never wider than 40 columns where it has no more', async () => {
    const ended = await draw('morning.jpg', { answer: answers.plain, columns: 40, rows: 50 });
    expect(ended).toMatchObject(done);
    expect(readBlocks(ended.shown)).toMatchObject({ width: 40, height: 30 });
  });
});

describe('--format', () => {
  test.each([
    ['kitty', (shown: string) => readKitty(shown).length],
    ['iterm', (shown: string) => readIterm(shown).length],
    ['sixel', (shown: string) => readSixels(shown).length],
    ['blocks', (shown: string) => Math.sign(readBlocks(shown).width)],
  ])('%s is drawn whatever the terminal says, and into a pipe', async (format, count) => {
    const ended = await draw('morning.jpg', { answer: answers.plain }, ['--format', format]);
    expect(ended).toMatchObject(done);
    expect(count(ended.shown)).toBe(1);
    await upload('tail.gif');
    const piped = await site.run(['meow', '--format', format]);
    expect([piped.code, piped.stderr, count(piped.stdout)]).toEqual([0, '', 1]);
  });

  test.each([
    [['--format', 'ascii'], '"ascii"'],
    [['--format', 'kitty', '-o', 'cat.png'], '-o'],
    [['--format', ''], '""'],
  ])('%j is refused before anything is taken', async (args, named) => {
    await upload('night.png');
    const { code, stdout, stderr } = await site.run(['meow', ...args]);
    expect([code, stdout, await queued()]).toEqual([2, '', 1]);
    expect(stderr).toContain(named);
  });
});
