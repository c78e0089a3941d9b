import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../src/defaults.ts';
import type { PictureType } from '../../src/model/picture.ts';
import type { Store } from '../../src/store/store.ts';
import { upright } from '../../src/terminal/decode/orientation.ts';
import { decodePng } from '../../src/terminal/decode/png.ts';
import { fixture } from '../helpers/bundle.ts';
import { temporaryFolder } from '../helpers/cleanup.ts';
import { finish, openSite, ownProcesses, type Site } from '../helpers/cli.ts';
import { readBlocks, readIterm, readKitty, readSixels } from '../helpers/drawn.ts';
import { needs, testWith, thorough } from '../helpers/needs.ts';
import { difference, pictureFile, thumbnail, thumbnails } from '../helpers/pictures.ts';
import {
  bombPng,
  emptyPng,
  endlessJpeg,
  framelessGif,
  hugePng,
  longGif,
  oriented,
  wideGif,
} from '../helpers/planted-pictures.ts';
import { answers, inTerminal, type Kind } from '../helpers/pseudo-terminal.ts';
import { openStore } from '../helpers/store.ts';
import { openPane } from '../helpers/tmux.ts';
import { until } from '../helpers/until.ts';

let site: Site;
let raw: Redis;
let store: Store;

beforeAll(async () => {
  site = await openSite();
  raw = new Redis(site.redis.url);
  store = await openStore(site.redis.url);
});
beforeEach(() => raw.flushall());
afterAll(async () => {
  raw.disconnect();
  await store.close();
  await site.close();
});

/** What each of them decodes to is asserted in test/terminal/decode: here one shows the way to a terminal. */
const some = <T>(first: T, ...others: readonly T[]): readonly T[] =>
  thorough ? [first, ...others] : [first];

const ROOT = join(import.meta.dirname, '..', '..');
const DECODER = join(ROOT, 'dist', 'picture-decoder.cjs');
const isMeow = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').endsWith('\0meow\0');
const queued = () => raw.llen('{meow}:images');
const terminal = (kind: Partial<Kind>): Kind => ({
  ...kind,
  env: { ...site.env, COLORTERM: 'truecolor', ...kind.env },
});

/** Puts a picture in the queue, whatever its bytes are. */
async function plant(data: Buffer): Promise<void> {
  await upload('night.png');
  const [id = ''] = await raw.lrange('{meow}:images', 0, 0);
  await raw.hset(`{meow}:image:${id}`, 'data', data);
}

async function upload(name: string): Promise<void> {
  const type = `image/${extname(name).slice(1).replace('jpg', 'jpeg')}` as PictureType;
  await store.images.enqueue([{ data: pictureFile(name), type, name }]);
}

async function draw(name: string, kind: Partial<Kind>, args: readonly string[] = []) {
  await upload(name);
  return drawn(kind, args);
}

async function drawn(kind: Partial<Kind>, args: readonly string[] = []) {
  const ended = await inTerminal(['meow', ...args], terminal(kind)).ended;
  return { ...ended, queued: await queued() };
}

/** The terminal is as it was, no answer is left to the shell, and the picture has gone; or is there. */
const stillQueued = { isRestored: true, leaked: '', queued: 1 };
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

  test.each(some('box.webp', 'morning.jpg'))('of kitty gets the pixels of %s', async (name) => {
    const ended = await draw(name, { answer: answers.kitty });
    expect(ended).toMatchObject(done);
    const [{ keys = {}, data } = {}] = readKitty(ended.shown);
    expect(keys).toMatchObject({ f: '32', s: '613', v: '460' });
    const bitmap = { width: 613, height: 460, rgba: data ?? Buffer.alloc(0) };
    expect(difference(thumbnail(bitmap), thumbnails(name)[0] ?? bitmap)).toBeLessThan(3);
  });

  test.each(['tail.gif', ...some('morning.jpg', 'box.webp', 'night.png')])(
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

  test.each(some('morning.jpg', 'night.png', 'box.webp'))(
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
  test.each(some('night.png', 'morning.jpg', 'box.webp'))(
    'gets %s in half blocks',
    async (name) => {
      const ended = await draw(name, { answer: answers.plain });
      expect(ended).toMatchObject(done);
      const picture = readBlocks(ended.shown);
      expect([picture.width, picture.height]).toEqual([61, 46]);
      expect(difference(thumbnail(picture), thumbnails(name)[0] ?? picture)).toBeLessThan(8);
    },
  );

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

describe('tmux', () => {
  const inPane = async (name: string, columns: number, rows: number) => {
    await upload(name);
    const pane = await openPane(site.env, { columns, rows, env: { COLORTERM: 'truecolor' } });
    onTestFinished(() => pane.close());
    pane.type('clear; meowctl meow');
    expect(await pane.ended()).toBe(0);
    const painted = pane.painted();
    expect(painted.at(-1)).toContain('0READY>');
    return { picture: readBlocks(painted.slice(0, -1).join('\n')), pane };
  };

  testWith(needs.tmux, 'shows a picture as wide as it is, and the prompt under it', async () => {
    const { picture } = await inPane('morning.jpg', 40, 24);
    expect([picture.width, picture.height]).toEqual([40, 30]);
    expect(difference(thumbnail(picture), thumbnails('morning.jpg')[0] ?? picture)).toBeLessThan(
      10,
    );
    expect(await queued()).toBe(0);
  });

  testWith(needs.tmux, 'ends a film with its last frame, and has nothing else on it', async () => {
    const { picture, pane } = await inPane('tail.gif', 80, 24);
    expect([picture.width, picture.height]).toEqual([61, 46]);
    expect(difference(thumbnail(picture), thumbnails('tail.gif').at(-1) ?? picture)).toBeLessThan(
      10,
    );
    expect(pane.history().length).toBeLessThanOrEqual(24 + 1);
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
    const { code, stdout, stderr } = await site.call(['meow', ...args]);
    expect([code, stdout, await queued()]).toEqual([2, '', 1]);
    expect(stderr).toContain(named);
  });
});

describe('a picture that moves', () => {
  test.each(some('film.webp', 'tail.gif'))(
    'is played once in kitty, each frame in the place of the last: %s',
    async (name) => {
      const ended = await draw(name, { answer: answers.kitty });
      expect(ended).toMatchObject(done);
      const images = readKitty(ended.shown);
      expect(new Set(images.map(({ keys }) => `${keys.i} ${keys.p}`)).size).toBe(1);
      const known = thumbnails(name);
      expect(images).toHaveLength(known.length);
      for (const [at, { keys, data }] of images.entries()) {
        const frame = { width: Number(keys.s), height: Number(keys.v), rgba: data };
        expect(difference(thumbnail(frame), known[at] ?? frame)).toBeLessThan(4);
      }
    },
  );

  test.each(some('tail.gif', 'film.webp'))('is played once in sixel: %s', async (name) => {
    const ended = await draw(name, { answer: answers.sixel });
    expect(ended).toMatchObject(done);
    const pictures = readSixels(ended.shown);
    const known = thumbnails(name);
    expect(pictures).toHaveLength(known.length);
    for (const [at, frame] of pictures.entries()) {
      expect(difference(thumbnail(frame), known[at] ?? frame)).toBeLessThan(6);
    }
  });

  test('is played in blocks, over itself, in lines of its own', async () => {
    const ended = await draw('tail.gif', { answer: answers.plain });
    expect(ended).toMatchObject(done);
    const [room = '', ...frames] = ended.shown.split('\u001b7');
    expect(room.endsWith(`${'\r\n'.repeat(23)}\u001b[23A\r`)).toBe(true);
    const known = thumbnails('tail.gif');
    expect(frames).toHaveLength(known.length);
    for (const [at, text] of frames.entries()) {
      const [drawing = '', after] = text.split('\u001b8');
      expect(after).toBe(`\u001b[23B\r${at === frames.length - 1 ? '' : '\u001b[23A\r'}`);
      const frame = readBlocks(drawing);
      expect(difference(thumbnail(frame), known[at] ?? frame)).toBeLessThan(8);
    }
  });

  test('is kept while it is played, ends at Ctrl-C, and stays in the queue', async () => {
    await plant(longGif());
    const shown = inTerminal(['meow'], terminal({ answer: answers.plain }));
    await until('the first frame is there', () => shown.written().includes('\u001b8'));
    const deadline = async () =>
      Number((await raw.zrange('{meow}:delivering', '0', '0', 'WITHSCORES'))[1]);
    const first = await deadline();
    await until(
      'it is kept for longer, as it takes longer',
      async () => (await deadline()) > first,
    );
    shown.type('\u0003');
    const ended = await shown.ended;
    expect({ ...ended, queued: await queued() }).toMatchObject({ ...stillQueued, code: 130 });
    expect(ended.shown).toContain('meowctl: interrupted before the picture was drawn\r\n');
  });
});

describe('a picture that a phone took', () => {
  test.each([
    ['of iTerm2 gets it upright, as a png', answers.iterm],
    ['of kitty gets it upright', answers.kitty],
  ])('lying on its side: a terminal %s', async (_, answer) => {
    await plant(oriented('morning.jpg', 6));
    const ended = await drawn({ answer });
    expect(ended).toMatchObject(done);
    const [file] = readIterm(ended.shown);
    const [image] = readKitty(ended.shown);
    const frame = file
      ? decodePng(file.data, 1_000_000)
      : {
          width: Number(image?.keys.s),
          height: Number(image?.keys.v),
          rgba: image?.data ?? Buffer.of(),
        };
    expect([frame.width, frame.height]).toEqual([345, 460]);
    const back = upright(frame, 8);
    expect(difference(thumbnail(back), thumbnails('morning.jpg')[0] ?? back)).toBeLessThan(4);
  });
});

describe('a picture that cannot be drawn stays in the queue, and the sentence offers -o', () => {
  test.each([
    ['too large by its header', hugePng, 'has more than 40 megapixels'],
    ['without a frame', framelessGif, 'has nothing in it that can be seen'],
    ['cut short', () => pictureFile('morning.jpg').subarray(0, 20_000), ' is '],
    ['in the colours of paper', () => pictureFile('cmyk.jpg'), 'CMYK'],
    ['an avif without sharp', () => readFileSync(fixture('box.avif')), 'sharp'],
    ['no picture at all', () => Buffer.from('<script>alert(1)</script>'), 'is not a png'],
  ])('%s', async (_, make, why) => {
    await plant(make());
    const ended = await drawn({ answer: answers.sixel });
    expect(ended).toMatchObject({ ...stillQueued, code: 1 });
    expect(ended.shown).toContain(why);
    expect(ended.shown).toContain('meowctl meow -o cat.jpg');
    expect(readSixels(ended.shown)).toEqual([]);
  });

  test.each([
    ['a bomb', bombPng, 'image/png', /^is damaged/],
    ['an empty one', emptyPng, 'image/png', /^is damaged/],
    ['a wide frame', wideGif, 'image/gif', /^has more than 40 megapixels/],
  ])('%s costs little', async (_, make, type, says) => {
    const work = { type, box: { width: 80, height: 46, pixelAspect: 1 }, maxPixels: 40_000_000 };
    const script = `const { Worker } = require('node:worker_threads');
      const parts = []; process.stdin.on('data', (part) => parts.push(part)).on('end', () => {
        const workerData = { ...${JSON.stringify(work)}, data: Buffer.concat(parts) };
        const worker = new Worker(${JSON.stringify(DECODER)}, { workerData });
        worker.once('message', ({ problem }) => {
          // Not getrusage: that counts what the process had before exec, as a copy of the test's own.
          const [, kib] = /^VmHWM:\\s+(\\d+)/m.exec(require('node:fs').readFileSync('/proc/self/status', 'utf8'));
          console.log(JSON.stringify({ problem, mib: kib / 1_024 }));
          process.exit();
        });
        worker.postMessage('next');
      });`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(make());
    const { problem, mib } = JSON.parse((await finish(child)).stdout);
    expect(problem).toMatch(says);
    expect(mib).toBeLessThan(200);
  });

  test.runIf(thorough)('one that takes minutes to decode is given up', async () => {
    await plant(endlessJpeg());
    const ended = await drawn({ answer: answers.plain });
    expect(ended).toMatchObject({ ...stillQueued, code: 1 });
    expect(ended.shown).toContain('the picture is not decoded after 20 s\r\n');
  });

  test('Ctrl-C ends the decoding of one that takes minutes', async () => {
    await plant(endlessJpeg());
    const shown = inTerminal(['meow'], terminal({ answer: answers.plain }));
    await until('it was asked', () => shown.written().includes('\u001b[c'));
    await until('it is being drawn', async () => (await raw.zcard('{meow}:delivering')) === 1);
    const typedMs = performance.now();
    shown.type('\u0003');
    const ended = await shown.ended;
    // Else its own limit would have ended it.
    expect(performance.now() - typedMs).toBeLessThan(defaults.drawFrameMs);
    expect({ ...ended, queued: await queued() }).toMatchObject({ ...stillQueued, code: 130 });
    expect(ended.shown).not.toContain('▀');
  });
});

describe('an avif', () => {
  /** As much of sharp as is called: every picture is four orange pixels. */
  const STAND_IN = `module.exports = (data, { limitInputPixels }) => {
    if (data.length !== 572 || limitInputPixels !== 40_000_000) throw new Error('called otherwise');
    const picture = { toBuffer: async () => ({
      data: Buffer.from(Array(4).fill([250, 140, 20, 255]).flat()), info: { width: 2, height: 2 } }) };
    for (const name of ['rotate', 'toColourspace', 'ensureAlpha', 'raw']) picture[name] = () => picture;
    return picture;
  };`;

  function withSharp(): string {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'node_modules', 'sharp'), { recursive: true });
    writeFileSync(join(folder, 'node_modules', 'sharp', 'index.js'), STAND_IN);
    return folder;
  }

  test('is drawn by the sharp that stands beside meowctl', async () => {
    const folder = join(withSharp(), 'node_modules', 'meowctl');
    for (const part of ['dist', 'bin', 'package.json']) {
      cpSync(join(ROOT, part), join(folder, part), { recursive: true });
    }
    await plant(readFileSync(fixture('box.avif')));
    const words = [join(folder, 'bin', 'meowctl.js'), 'meow', '--format', 'blocks'];
    const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe'];
    const env = { ...site.env, COLORTERM: 'truecolor' };
    const { code, stdout } = await finish(spawn(process.execPath, words, { env, stdio }));
    expect(code).toBe(0);
    expect(stdout).toBe('\u001b[38;2;250;140;20;48;2;250;140;20m▀▀\u001b[0m\n');
    expect(await queued()).toBe(0);
  });

  test('is not drawn by one in the folder that somebody happens to be in', async () => {
    await plant(readFileSync(fixture('box.avif')));
    const { code, stderr } = await site.run(['meow', '--format', 'blocks'], { cwd: withSharp() });
    expect([code, await queued()]).toEqual([1, 1]);
    expect(stderr).toContain('only where sharp is installed');
  });
});

describe('the terminal is as it was', () => {
  test('after Ctrl-C while it is asked, when that is a key like another', async () => {
    await upload('night.png');
    const shown = inTerminal(['meow'], terminal({}));
    await until('it is asked', () => shown.written().includes('\u001b[c'));
    shown.type('\u0003');
    const ended = await shown.ended;
    expect({ ...ended, queued: await queued() }).toMatchObject({ ...stillQueued, code: 130 });
  });

  test('after SIGTERM while it is asked', async () => {
    await upload('night.png');
    const shown = inTerminal(['meow'], terminal({}));
    await until('it is asked', () => shown.written().includes('\u001b[c'));
    const pid = await until('it runs', () => ownProcesses(site.home).find((one) => isMeow(one)));
    process.kill(pid, 'SIGTERM');
    const ended = await shown.ended;
    expect({ ...ended, queued: await queued() }).toMatchObject({ ...stillQueued, code: 130 });
  });

  test('after a SIGQUIT that ends it while it is asked', async () => {
    await upload('night.png');
    const shell = (command: string) => `ulimit -c 0; ${command}`;
    const shown = inTerminal(['meow'], terminal({ shell }));
    await until('it is asked', () => shown.written().includes('\u001b[c'));
    const pid = await until('it runs', () => ownProcesses(site.home).find((one) => isMeow(one)));
    process.kill(pid, 'SIGQUIT');
    expect(await shown.ended).toMatchObject({ code: 131, isRestored: true });
  });

  test('while it is stopped by SIGTSTP, and when it goes on', async () => {
    await upload('night.png');
    // A shell with jobs, as people have.
    const shell = (command: string) =>
      `set -m; ${command}; stopped=$?; stty -a | grep -q -- "-icanon" && echo raw || echo cooked; fg >/dev/null; [ $stopped -gt 128 ]`;
    const shown = inTerminal(['meow'], terminal({ shell }));
    await until('it is asked', () => shown.written().includes('\u001b[c'));
    shown.type('\u001a');
    const ended = await shown.ended;
    expect({ ...ended, queued: await queued() }).toMatchObject(done);
    expect(ended.shown).toContain('cooked');
    expect(readBlocks(ended.shown).width).toBe(61);
  });
});
