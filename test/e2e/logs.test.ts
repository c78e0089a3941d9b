import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Row } from '../../src/cli/output/rows.ts';
import { defaults } from '../../src/defaults.ts';
import { logPath, markNamespace, rawLogPath } from '../../src/logs/files.ts';
import { RotatingLog } from '../../src/logs/rotating-log.ts';
import { BIN, finish, openSite, type Site } from '../helpers/cli.ts';
import { needs, testWith } from '../helpers/needs.ts';
import { runHere } from '../helpers/run-here.ts';
import { until } from '../helpers/until.ts';

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
beforeEach(async () => {
  await site.clear();
  rmSync(join(site.home, 'logs'), { recursive: true, force: true });
  mkdirSync(join(site.home, 'logs'), { mode: 0o700 });
});
afterAll(() => site.close());

/** What a server would write, at an hour of today. */
function writeLog(
  id: string,
  lines: Readonly<Record<string, string>>,
  logMaxBytes = defaults.logMaxBytes as number,
): void {
  for (const [at, line] of Object.entries(lines)) {
    const now = () => new Date(`${new Date().toISOString().slice(0, 11)}${at}Z`);
    const log = new RotatingLog(logPath(site.home, id), { ...defaults, logMaxBytes }, now);
    log.write(`${line}\n`);
    log.close();
  }
}

async function spawnOne(): Promise<Row> {
  const { stdout } = await site.call(['spawn', '--json']);
  return (JSON.parse(stdout) as Row[])[0] as Row;
}

/** Stdout so far, as it grows. */
function reading(child: ChildProcess): () => string {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  return () => text;
}

/** A verb of this site by its own code, without a process for each look. */
const here = (...args: string[]) => runHere(args, site.env);

const twoServers = () => {
  writeLog('aaaaaa', { '00:00:01.000': 'one', '00:00:03.000': 'three' });
  writeLog('bbbbbb', { '00:00:02.000': 'two' });
};

describe('logs', () => {
  test('shows what a server said, its time and its id in front, without a Redis, and a crash past its log', async () => {
    const { id, url, pid } = await spawnOne();
    const env = { REDIS_URL: 'redis://127.0.0.1:1' };
    const { code, stdout, stderr } = await site.call(['logs'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^\w{6} \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d \w{6} serves http:\S+\n$/);
    expect(stdout.startsWith(`${id} `)).toBe(true);
    expect(stdout).toContain(url);
    writeFileSync(rawLogPath(site.home, id), 'FATAL ERROR: out of memory\n', { flag: 'a' });
    process.kill(pid, 'SIGKILL');
    expect((await here('logs', id)).stdout).toMatch(
      /serves http.*\n\w{6} [\d:.+-]{18} FATAL ERROR: out of memory\n$/,
    );
  });

  test('mixes several servers by time, or shows those that are named', async () => {
    twoServers();
    expect((await here('logs', '--utc')).stdout).toBe(
      'aaaaaa 00:00:01.000Z one\nbbbbbb 00:00:02.000Z two\naaaaaa 00:00:03.000Z three\n',
    );
    expect((await here('logs', '--utc', '-n', '1')).stdout).toBe('aaaaaa 00:00:03.000Z three\n');
    const named = await here('logs', '--utc', 'bbbbbb');
    expect(named.stdout).toBe('bbbbbb 00:00:02.000Z two\n');
    const both = await here('logs', 'bbbbbb', 'aaaaaa', 'bbbbbb');
    expect(both.stdout.split('\n')).toHaveLength(4);
  });

  test('--json prints an array with the whole time', async () => {
    twoServers();
    const today = new Date().toISOString().slice(0, 10);
    expect(JSON.parse((await here('logs', '-n', '2', '--json')).stdout)).toEqual([
      { id: 'bbbbbb', at: `${today}T00:00:02.000Z`, stream: 'stdout', line: 'two' },
      { id: 'aaaaaa', at: `${today}T00:00:03.000Z`, stream: 'stdout', line: 'three' },
    ]);
  });

  test('prints the time of day where it is read, with its offset, and the date where that is another one', async () => {
    const at = new Date(Date.now() - 20 * 24 * 3_600_000).toISOString().slice(0, 10);
    const now = () => new Date(`${at}T20:30:00.120Z`);
    const log = new RotatingLog(logPath(site.home, 'aaaaaa'), defaults, now);
    log.write('then\n');
    log.close();
    const next = new Date(Date.parse(at) + 24 * 3_600_000).toISOString().slice(5, 10);
    const read = async (zone: string, ...flags: string[]) =>
      (await site.run(['logs', ...flags], { env: { TZ: zone } })).stdout;
    const [kolkata, caracas, utc, json] = await Promise.all([
      read('Asia/Kolkata'),
      read('America/Caracas'),
      read('Asia/Kolkata', '--utc'),
      read('Asia/Kolkata', '--json'),
    ]);
    expect(kolkata).toBe(`aaaaaa ${next} 02:00:00.120+05:30 then\n`);
    expect(caracas).toBe(`aaaaaa ${at.slice(5)} 16:30:00.120-04:00 then\n`);
    expect(utc).toBe(`aaaaaa ${at.slice(5)} 20:30:00.120Z then\n`);
    expect(JSON.parse(json)).toMatchObject([{ at: `${at}T20:30:00.120Z`, line: 'then' }]);
  });

  test('shows what came by one stream, and the servers of one namespace', async () => {
    twoServers();
    const log = new RotatingLog(logPath(site.home, 'aaaaaa'), defaults);
    log.write('oh\n', 'err');
    log.close();
    expect((await here('logs', '--stream', 'stderr')).stdout).toMatch(/^aaaaaa [\d:.+-]+ oh\n$/);
    expect((await here('logs', '--stream', 'stdout')).stdout).not.toContain('oh');
    markNamespace(site.home, 'aaaaaa', 'other', 'meow');
    expect((await here('logs', '--utc')).stdout).toBe('bbbbbb 00:00:02.000Z two\n');
    const other = (...args: string[]) => runHere(args, { ...site.env, MEOW_NAMESPACE: 'other' });
    expect((await other('logs')).stdout.split('\n')).toHaveLength(4);
    expect(await other('logs', 'bbbbbb')).toMatchObject({ code: 3, stdout: '' });
  });

  testWith(needs.root, 'skips what it may not read, and says so once', async () => {
    twoServers();
    chmodSync(site.home, 0o755);
    chmodSync(join(site.home, 'logs'), 0o755);
    onTestFinished(() => chmodSync(site.home, 0o700));
    for (const id of ['aaaaaa', 'bbbbbb']) chmodSync(logPath(site.home, id), 0o644);
    chmodSync(logPath(site.home, 'bbbbbb'), 0o600);
    const path = logPath(site.home, 'bbbbbb');
    await here('logs'); // loads what only root may read
    process.seteuid?.(65_534);
    onTestFinished(() => process.seteuid?.(0));
    expect(await here('logs', '--utc')).toMatchObject({
      code: 0,
      stdout: 'aaaaaa 00:00:01.000Z one\naaaaaa 00:00:03.000Z three\n',
      stderr: `meowctl: skipped ${JSON.stringify(path)}: permission denied\n`,
    });
  });

  testWith(
    needs.root,
    'finds nothing of a verb that was refused in the folder of somebody else',
    async () => {
      const home = join(site.home, 'of-nobody');
      mkdirSync(join(home, 'logs'), { recursive: true });
      for (const path of [home, join(home, 'logs')]) chownSync(path, 65_534, 65_534);
      onTestFinished(() => rmSync(home, { recursive: true }));
      for (const verb of [
        'restart',
        'spawn',
        'spawn --env A=b',
        'scale 2',
        'scale 0',
        'keep',
        'up',
      ]) {
        const { code, stderr } = await runHere(verb.split(' '), { ...site.env, MEOW_HOME: home });
        expect([verb, code, stderr]).toEqual([verb, 1, expect.stringContaining('belongs to user')]);
        expect([verb, ...readdirSync(home, { recursive: true })]).toEqual([verb, 'logs']);
      }
    },
  );

  test('--since leaves out what is older, however many lines that are', async () => {
    const log = new RotatingLog(
      logPath(site.home, 'aaaaaa'),
      defaults,
      () => new Date(Date.now() - 7_200_000),
    );
    log.write('old\n');
    log.close();
    const fresh = new RotatingLog(logPath(site.home, 'aaaaaa'), defaults);
    fresh.write('new\n'.repeat(500));
    fresh.close();
    const { stdout } = await here('logs', '--since', '10m');
    expect(stdout.split('\n')).toHaveLength(501);
    expect(stdout).not.toContain('old');
    expect((await here('logs', '--since', '3h')).stdout).toContain('old');
    expect((await here('logs')).stdout.split('\n')).toHaveLength(101);
  });

  test('gives each id a colour of its own that stays, only where colours are wanted', async () => {
    twoServers();
    const colored = await site.call(['logs'], { env: { FORCE_COLOR: '1' } });
    const colors = [...colored.stdout.matchAll(/^(\u001b\[\d+m)(\w{6})\u001b\[39m /gm)];
    expect(colors.map(([, , id]) => id)).toEqual(['aaaaaa', 'bbbbbb', 'aaaaaa']);
    const [first, second, third] = colors.map(([, color]) => color);
    expect(first).toBe(third);
    expect(first).not.toBe(second);
    const alone = await site.call(['logs', 'bbbbbb'], { env: { FORCE_COLOR: '1' } });
    expect(alone.stdout.startsWith(`${second}bbbbbb`)).toBe(true);
    expect((await site.call(['logs'])).stdout).not.toContain('\u001b');
  });

  test('escapes control characters on a terminal, and hands a pipe what was written', async () => {
    writeLog('aaaaaa', { '00:00:01.000': 'a\u001b[2Jb\u0007\u202ec' });
    expect((await site.call(['logs'])).stdout).toContain('a\u001b[2Jb\u0007\u202ec\n');
    const command = `${process.execPath} ${BIN} logs`;
    const inTerminal = spawn('script', ['-qec', command, '/dev/null'], { env: site.env });
    const { stdout } = await finish(inTerminal);
    expect(stdout).toContain('a\\u001b[2Jb\\u0007\\u202ec');
    expect(stdout.replaceAll(/\u001b\[\d+m/g, '')).not.toContain('\u001b');
  });

  test.each(['../aaaaaa', 'aaaaaa.log', '/etc/passwd', '', 'AAAAAA', '3001', '\u001b[31mx'])(
    'refuses %j, which is no id',
    async (id) => {
      const { code, stdout, stderr } = await here('logs', '--', id);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('is not an id');
      expect(stderr).not.toContain('\u001b');
    },
  );

  test('of a server that has none here exits 3; where there is none at all says so', async () => {
    const unknown = await here('logs', 'zzzzzz');
    expect(unknown).toMatchObject({ code: 3, stdout: '' });
    expect(unknown.stderr).toContain('zzzzzz');
    expect(await here('logs')).toMatchObject({ code: 0, stdout: '' });
    expect((await here('logs', '--json')).stdout).toBe('[]\n');
  });

  test('says which folder it cannot read', async () => {
    const home = join(site.home, 'a-file');
    writeFileSync(home, '');
    const { code, stderr } = await site.call(['logs'], { env: { MEOW_HOME: home } });
    expect(code).toBe(1);
    expect(stderr).toContain(join(home, 'logs'));
  });

  test.each([
    [['-f', '--json'], '--json'],
    [['-n', '-1'], '"-1"'],
    [['-n', 'many'], '"many"'],
    [['--stream', 'both'], '"both"'],
    [['--stream', ''], '""'],
    [['--since', '10'], '"10"'],
    [['--since', 'yesterday'], '"yesterday"'],
  ])('%j cannot be right', async (args, value) => {
    const { code, stderr } = await here('logs', ...args);
    expect(code).toBe(2);
    expect(stderr.split('\n')[0]).toContain(value);
  });
});

describe('logs -f', () => {
  test('goes on across rotations and picks up new servers, until Ctrl-C', async () => {
    const max = 200;
    writeLog('aaaaaa', { '00:00:01.000': 'old' }, max);
    const child = site.start(['logs', '-f']);
    const ended = finish(child);
    const got = reading(child);
    await until('the last lines are there', () => got().includes('old'));
    const numbers = Array.from({ length: 15 }, (_, at) => `line ${at}`);
    for (const line of numbers) writeLog('aaaaaa', { '00:00:02.000': line }, max);
    expect(readdirSync(join(site.home, 'logs'))).toContain('aaaaaa.log.2');
    const { id } = await spawnOne();
    await until('all is there', () => got().includes(`${id} serves`) && got().includes('line 14'));
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    expect(code).toBe(130);
    const lines = [...stdout.matchAll(/^aaaaaa [\d:.+-]{18} (.*)$/gm)].map(([, line]) => line);
    expect(lines).toEqual(['old', ...numbers]);
  });

  test('ends when its reader has gone', async () => {
    twoServers();
    const child = site.start(['logs', '-f']);
    const ended = finish(child);
    const got = reading(child);
    await until('the last lines are there', () => got().includes('three'));
    child.stdout?.destroy();
    let at = 0;
    await until('it has ended', () => {
      writeLog('aaaaaa', { '00:00:04.000': `more ${at++}` });
      return child.exitCode !== null;
    });
    expect((await ended).code).toBe(0);
  });
});

describe('a server whose log cannot be written', () => {
  const redisAwayAndBack = async (url: string) => {
    await site.redis.kill('SIGKILL');
    await until('routes with Redis say so', async () => (await fetch(`${url}/get`)).status === 503);
    expect(await (await fetch(`${url}/test`)).text()).toBe('test');
    await site.redis.restart();
    await until('it is listed again', async () => (await site.list()).length === 1);
  };
  // It speaks of Redis once a second at most.
  const linesAfterTrouble = (id: string, url: string) =>
    until('it has something to say', async () => {
      await redisAwayAndBack(url);
      return (await site.call(['logs', id])).stdout || null;
    });

  testWith(
    needs.mount,
    'starts and serves on a full disk, and tells later what its log lacks',
    async () => {
      const logs = join(site.home, 'logs');
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', logs]);
      onTestFinished(() => {
        execFileSync('umount', ['--lazy', logs]);
      });
      expect(() => writeFileSync(join(logs, 'ballast'), Buffer.alloc(1_000_000))).toThrow('ENOSPC');
      const { id, url } = await spawnOne();
      await redisAwayAndBack(url);
      expect(readFileSync(logPath(site.home, id), 'utf8')).toBe('');
      rmSync(join(logs, 'ballast'));
      const said = await linesAfterTrouble(id, url);
      expect(said).toMatch(/^\w{6} [\d:.+-]+ meowctl: lines lost: \d+ \(ENOSPC\)\n/);
    },
  );

  test('serves on when its log is /dev/full, or removed', async () => {
    const { id, url } = await spawnOne();
    rmSync(logPath(site.home, id));
    rmSync(rawLogPath(site.home, id));
    await until('it tells what its log lacks', async () => {
      symlinkSync('/dev/full', logPath(site.home, id));
      // It may say nothing of Redis for a second after it did.
      await redisAwayAndBack(url);
      rmSync(logPath(site.home, id));
      const said = await linesAfterTrouble(id, url);
      rmSync(logPath(site.home, id));
      return said.includes('(ENOSPC)');
    });
  });
});

test('spawn sweeps the logs of servers gone for a week', async () => {
  writeLog('aaaaaa', { '00:00:01.000': 'long ago' });
  writeLog('bbbbbb', { '00:00:01.000': 'lately' });
  const longAgo = new Date(Date.now() - 8 * 24 * 3_600_000);
  utimesSync(logPath(site.home, 'aaaaaa'), longAgo, longAgo);
  const { id } = await spawnOne();
  const names = readdirSync(join(site.home, 'logs')).sort();
  expect(names).toEqual(['bbbbbb.log', `${id}.err`, `${id}.log`].sort());
});
