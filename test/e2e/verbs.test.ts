import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BIN, finish, openSite, type Site } from '../helpers/cli.ts';
import { runHere } from '../helpers/run-here.ts';
import { sampleRecord } from '../helpers/store.ts';
import { measured, timed } from '../helpers/yardstick.ts';

const IMG = join(import.meta.dirname, '..', '..', 'img');
const morning = readFileSync(join(IMG, 'morning.jpg'));

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

describe('set and get', () => {
  test('a message is set for 10 s, printed while it lives, and gone after', async () => {
    const { value: set, ms } = await timed(site.call(['set']));
    expect(set.code).toBe(0);
    const left = await raw.pttl('{meow}:message:message');
    expect(left).toBeLessThanOrEqual(10_000);
    expect(left).toBeGreaterThan(8_000 - ms);
    await raw.pexpire('{meow}:message:message', 600_000);
    const { code, stdout } = await site.call(['get']);
    expect(code).toBe(0);
    expect(stdout).toBe('this message will self-destruct in 10 seconds\n');
    await raw.pexpire('{meow}:message:message', 1);
    const gone = await site.call(['get']);
    expect(gone.code).toBe(3);
    expect(gone.stdout).toBe('');
  });

  test('keys keep messages apart, and --json gives stable fields', async () => {
    const here = (...args: string[]) => runHere(args, site.env);
    const set = await here('set', 'soup', '--key', 'lunch', '--ttl', '60', '--json');
    expect(JSON.parse(set.stdout)).toEqual({ message: 'soup', key: 'lunch', ttlMs: 60_000 });
    const got = JSON.parse((await here('get', '--key', 'lunch', '--json')).stdout);
    expect(got.message).toBe('soup');
    expect(got.ttlMs).toBeGreaterThan(50_000);
    expect((await here('get')).code).toBe(3);
  });

  test('an empty message is a message', async () => {
    await runHere(['set', ''], site.env);
    expect(await runHere(['get'], site.env)).toMatchObject({ code: 0, stdout: '\n' });
  });
});

describe('recent', () => {
  test('prints nothing on stdout when there was no visit, and [] as JSON', async () => {
    expect(await site.call(['recent'])).toMatchObject({ code: 0, stdout: '' });
    expect((await runHere(['recent', '--json'], site.env)).stdout).toBe('[]\n');
  });

  test('prints visits newest first', async () => {
    await raw.lpush('{meow}:recent', '/a', '/b?c');
    expect((await site.call(['recent'])).stdout).toBe('/b?c\n/a\n');
  });

  test('escapes control characters in a terminal', async () => {
    await raw.lpush('{meow}:recent', '/\u001b[31mred\u202e');
    const inTerminal = spawn('script', ['-qec', `${process.execPath} ${BIN} recent`, '/dev/null'], {
      env: site.env,
    });
    let shown = '';
    for await (const chunk of inTerminal.stdout) shown += chunk;
    expect(shown).toContain('/\\u001b[31mred\\u202e');
  });
});

describe('upload and meow', () => {
  test('a picture goes in and comes out byte for byte, once', async () => {
    const { code, stdout } = await site.call(['upload', join(IMG, 'morning.jpg'), '--json']);
    expect(code).toBe(0);
    const { images, queued } = JSON.parse(stdout);
    expect(queued).toBe(1);
    expect(images).toEqual([
      { id: expect.any(String), type: 'image/jpeg', size: morning.length, name: 'morning.jpg' },
    ]);
    const meow = await site.call(['meow']);
    expect(meow.code).toBe(0);
    expect(meow.bytes.equals(morning)).toBe(true);
    expect(await site.call(['meow'])).toMatchObject({ code: 3, stdout: '' });
  });

  test('a picture may have something behind it; what begins as something else is none', async () => {
    const both = Buffer.concat([morning, Buffer.from('<script>alert(1)</script>')]);
    writeFileSync(join(site.home, 'both.html'), both);
    const { code, stdout } = await runHere(['upload', join(site.home, 'both.html')], site.env);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(`image/jpeg  ${both.length} bytes`),
    ]);
    expect((await site.call(['meow'])).bytes.equals(both)).toBe(true);
    writeFileSync(join(site.home, 'page.jpg'), Buffer.concat([Buffer.from('<p>'), morning]));
    expect(await runHere(['upload', join(site.home, 'page.jpg')], site.env)).toMatchObject({
      code: 1,
      stdout: '',
    });
  });

  test('a name that is not UTF-8, which Node cannot open, is told the other way', async () => {
    const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
    const command = `${quoted(process.execPath)} ${quoted(BIN)} upload "$(printf 'k\\344tz.jpg')"`;
    const { code, stderr } = await finish(spawn('sh', ['-c', command], { env: site.env }));
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(
        /^meowctl: "k\ufffdtz.jpg" is not there\n.* meowctl upload - < file\n$/,
      ),
    ]);
  });

  test('stdin is a file too, and --keep leaves the picture', async () => {
    expect((await site.run(['upload', '-'], { stdin: morning })).code).toBe(0);
    expect((await site.call(['meow', '--keep'])).bytes.equals(morning)).toBe(true);
    expect(await raw.llen('{meow}:images')).toBe(1);
  });

  test('a picture name with control characters reaches neither the queue nor the terminal', async () => {
    copyFileSync(join(IMG, 'morning.jpg'), join(site.home, '\u001b[2J\u202ered.jpg'));
    const { code, stdout } = await site.run(['upload', '\u001b[2J\u202ered.jpg']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^[\w-]+ {2}[ -~]+\.jpg {2}image/)]);
    const [id = ''] = await raw.lrange('{meow}:images', 0, 0);
    await raw.hset(`{meow}:image:${id}`, 'name', '\u001b[31mplanted\u0007');
    const shown = await site.run(['meow', '-o', 'planted.jpg']);
    expect(shown.stdout + shown.stderr).toMatch(/^[ -~\n]*$/);
    expect(shown.code).toBe(0);
  });

  test('-o writes a file, refuses to overwrite it, and --force overwrites', async () => {
    const file = join(site.home, 'cat.jpg');
    await runHere(['upload', join(IMG, 'morning.jpg'), join(IMG, 'night.png')], site.env);
    expect((await site.call(['meow', '-o', file])).code).toBe(0);
    const first = readFileSync(file);
    expect(first.equals(readFileSync(join(IMG, 'night.png')))).toBe(true);
    const again = await site.call(['meow', '-o', file]);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('--force');
    expect(readFileSync(file).equals(first)).toBe(true);
    const forced = await site.call(['meow', '-o', file, '--force', '--json']);
    expect(JSON.parse(forced.stdout)).toMatchObject({ type: 'image/jpeg', file });
    expect(readFileSync(file).equals(morning)).toBe(true);
  });

  test('a picture that could not be written stays on top of the queue', async () => {
    await runHere(['upload', join(IMG, 'morning.jpg')], site.env);
    mkdirSync(join(site.home, 'folder'), { recursive: true });
    symlinkSync(join(site.home, 'planted'), join(site.home, 'link'));
    const before = readdirSync(site.home);
    for (const name of ['folder', 'no/such/folder', '/dev/full', 'link']) {
      const file = resolve(site.home, name);
      const { code, stderr } = await runHere(['meow', '-o', file, '--force'], site.env);
      expect([file, code]).toEqual([file, 1]);
      expect(stderr).toContain(file);
    }
    expect(readdirSync(site.home)).toEqual(before);
    expect(existsSync(join(site.home, 'planted'))).toBe(false);
    expect((await site.call(['meow'])).bytes.equals(morning)).toBe(true);
  });

  test('a reader that closes early loses nothing', async () => {
    const many = Array.from({ length: 5 }, () => join(IMG, 'morning.jpg'));
    await runHere(['upload', ...many], site.env);
    const full = spawn('sh', ['-c', `${process.execPath} ${BIN} meow > /dev/full`], {
      env: site.env,
    });
    const { code, stderr } = await finish(full);
    expect(code).toBe(1);
    expect(stderr).toContain('cannot write to stdout: no space left on device\n');
    expect(await raw.llen('{meow}:images')).toBe(5);
  });

  const refused = [
    ['a file that is not there', 'missing.png'],
    ['a folder', '.'],
    ['an empty file', 'empty.png'],
    ['a FIFO', 'fifo'],
    ['text named .png', 'text.png'],
    ['11 MiB', 'large.png'],
    ['a name no folder can hold', 'x'.repeat(300)],
  ] as const;

  test('what is no picture is refused by name, and the good ones beside it are not sent', async () => {
    const good = join(site.home, 'good.png');
    copyFileSync(join(IMG, 'night.png'), good);
    writeFileSync(join(site.home, 'empty.png'), '');
    writeFileSync(join(site.home, 'text.png'), 'I am a cat');
    writeFileSync(join(site.home, 'large.png'), Buffer.alloc(11 * 1_024 * 1_024));
    spawnSync('mkfifo', [join(site.home, 'fifo')]);
    const told = await Promise.all(
      refused.map(([, name]) => runHere(['upload', good, resolve(site.home, name)], site.env)),
    );
    const typed = await site.run(['upload', 'good.png', 'missing.png']);
    expect(typed.stderr).toContain('"missing.png" is not there');
    for (const [at, { code, stdout, stderr }] of [...told, typed].entries()) {
      const [what, name = 'missing.png'] = refused[at] ?? ['by its name alone'];
      expect([what, code, stdout]).toEqual([what, 1, '']);
      const [first = ''] = stderr.split('\n');
      expect(first).toContain(
        `"${at < told.length ? resolve(site.home, name).slice(0, 79) : name}`,
      );
      expect(first.length).toBeLessThan(200);
    }
    expect(await raw.exists('{meow}:images')).toBe(0);
  });

  test('ten thousand files are refused at once', async () => {
    const files = Array<string>(10_000).fill('x.png');
    const { code, stderr } = await runHere(['upload', ...files], site.env);
    expect(code).toBe(1);
    expect(stderr).toContain('10000');
  });

  test('a full queue says so and takes none', async () => {
    const hundred = Array.from({ length: 100 }, () => join(IMG, 'night.png'));
    expect((await runHere(['upload', '-q', ...hundred], site.env)).code).toBe(0);
    const { code, stderr } = await site.call(['upload', join(IMG, 'morning.jpg')]);
    expect(code).toBe(1);
    expect(stderr).toContain('full');
    expect(await raw.llen('{meow}:images')).toBe(100);
  });
});

describe('a record that somebody planted', () => {
  test('puts no control character into an error', async () => {
    const lost = sampleRecord({ host: '\u001b[31mred' });
    await raw.hset('{meow}:servers', lost.id, JSON.stringify(lost));
    const { code, stderr } = await site.call(['destroy', lost.id, '--drain-timeout', '0']);
    expect(code).toBe(5);
    expect(stderr).toContain('is on host \\u001b[31mred\n');
    expect(stderr).not.toContain('\u001b');
  });
});

describe('listservers', () => {
  test('says in a sentence that there are none, and [] as JSON', async () => {
    const { code, stdout, stderr } = await site.call(['listservers']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain('meowctl spawn');
    expect((await runHere(['ls', '--json'], site.env)).stdout).toBe('[]\n');
  });

  test('lists 40,000 records about as fast as they can be read', async () => {
    const record = (n: number) => {
      const id = n.toString(36).replace(/[01]/g, 'z').padStart(6, 'a');
      return {
        id,
        url: 'http://127.0.0.1:3001',
        host: 'h',
        bootId: 'b',
        port: 3001,
        pid: 99,
        pidStart: '1',
        app: 'cat',
        version: '1',
        state: 'up',
        startedAt: 1,
        requests: 0,
        inflight: 0,
      };
    };
    for (let n = 0; n < 40_000; n += 10_000) {
      const fields = Array.from({ length: 10_000 }, (_, m) => {
        const one = record(n + m);
        return [one.id, JSON.stringify(one)];
      });
      await raw.hset('{meow}:servers', ...fields.flat());
    }
    const { value, ms, slackMs } = await measured(site.call(['ls', '-q']), readBare);
    expect([value.code, value.stdout]).toEqual([0, '']);
    expect(ms).toBeLessThan(2_000 + slackMs);
  });

  test('reading only the first line of it is no failure', async () => {
    await raw.hset('{meow}:servers', 'zzz999', 'junk');
    const child = spawn('sh', ['-c', `${process.execPath} ${BIN} ls --json | head -c 1`], {
      env: site.env,
    });
    let stderr = '';
    for await (const chunk of child.stderr) stderr += chunk;
    expect(stderr).not.toContain('EPIPE');
    expect(stderr).toContain('skipped');
  });
});

/** Another process that reads all records and parses them, and does no more. */
async function readBare(): Promise<void> {
  const text = `import { Redis } from 'ioredis';
    const redis = new Redis(${JSON.stringify(site.redis.url)});
    Object.values(await redis.hgetall('{meow}:servers')).map((text) => JSON.parse(text));
    redis.disconnect();`;
  const options = { cwd: join(import.meta.dirname, '..', '..'), stdio: 'ignore' } as const;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], options);
  expect(await once(child, 'exit')).toEqual([0, null]);
}
