import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createContext } from '../../src/cli/context/context.ts';
import { verbHere } from '../../src/cli/output/other-tools.ts';
import { createOutput } from '../../src/cli/output/output.ts';
import { createProgram } from '../../src/cli/program.ts';
import { readSettings } from '../../src/settings.ts';
import { BIN, finish, openSite, type Result, type Site } from '../helpers/cli.ts';
import { hostOf, ROOT, runHere } from '../helpers/run-here.ts';

let site: Site;

beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

type Told = Pick<Result, 'code' | 'stdout' | 'stderr'>;

/** A command line without a process for each row of a table. */
const ask = (args: readonly string[], env = {}): Promise<Told> =>
  runHere(args, { ...site.env, ...env });

/** One line that names the value, one that says what to do; no stack, nothing on stdout. */
function expectPlainError({ stdout, stderr }: Told, ...values: string[]): void {
  const lines = stderr.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^meowctl: /);
  for (const value of values) expect(lines[0]).toContain(value);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^ {2}\S/);
  expect(stderr).not.toContain('    at ');
  expect(stdout).toBe('');
}

describe('a command line that cannot be right', () => {
  test('prints help on stderr and exits 2 where it has no verb', async () => {
    const { code, stdout, stderr } = await site.run([]);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('Usage: meowctl');
  });

  test.each([
    [['spwan'], '"spwan"', 'spawn'],
    [['listservres'], '"listservres"', 'listservers'],
    [['spawn', '--prot', '3005'], '"--prot"', '--port'],
    [['spawn', 'python3', '-m', 'http.server'], '"-m"', 'meowctl spawn -- python3 …'],
    [['spawn', '-n', '2', '3'], 'counts of 3 and of 2', '-n'],
  ])('is told the nearest that there is: %j leads to it', async (args, value, nearest) => {
    const result = await ask(args);
    expect(result.code).toBe(2);
    expectPlainError(result, value);
    expect(result.stderr).toContain(nearest);
  });

  test.each([
    ['start app.js -i 4', '"start"', ['`meowctl spawn`', '--app', '-- node']],
    ['stop', '"stop"', ['`meowctl scale 0`']],
    ['stop app', '"stop"', ['`meowctl scale 0`']],
    ['reload all', '"reload"', ['`meowctl restart`']],
    ['save', '"save"', ['Nothing to save']],
    ['list', '"list"', ['`meowctl ls`']],
    ['ps', '"ps"', ['`meowctl ls`']],
    ['show 0', '"show"', ['`meowctl describe ID`']],
    ['report', '"report"', ['`meowctl doctor`']],
    ['delete app', '"delete"', ['`meowctl destroy`']],
    ['kill', '"kill"', ['`meowctl destroy ID`']],
    ['monit', '"monit"', ['logs -f']],
    ['startup systemd', '"startup"', ['docs/operations.md']],
    ['help stop', '"stop"', ['`meowctl scale 0`']],
    ['spawn app.cjs', '"app.cjs"', ['--app app.cjs', '`meowctl spawn -- node app.cjs`']],
    ['spawn -n ./a/app.mjs', '"./a/app.mjs"', ['`meowctl spawn -- node ./a/app.mjs`']],
    ['scale site.py', '"site.py"', ['`meowctl spawn -- python3 site.py`']],
    ['spawn 2 app.js', '"spawn"', ['--app app.js', '-- node app.js']],
    ['up app.js', '"up"', ['--app app.js', '-- node app.js']],
    ['serve app.js', '"serve"', ['--app app.js', '-- node app.js']],
    ['spawn app', '"app"', ['1 to 500', '--app']],
    ['scale app 4', '"scale"', ['scale 4 --app']],
    ['spawn -i 4', '"-i"', ['`meowctl spawn 4`']],
    ['spawn --name api', '"--name"', ['`meowctl ls`']],
    ['restart all', '"all"', ['`restart` without a name']],
    ['destroy all', '"all"', ['`destroy --all`']],
  ])(
    'is told what it is called here, where it is as another tool would have it: %j',
    async (line, value, words) => {
      const result = await ask(line.split(' '));
      expect(result.code).toBe(2);
      expectPlainError(result, value);
      for (const word of words) expect(result.stderr.split('\n')[1]).toContain(word);
      // It ends everything: nobody is led there.
      expect(result.stderr).not.toMatch(/\bdown\b/);
    },
  );

  test('names a file whose name a shell would take apart so that it can be copied', async () => {
    const { stderr } = await ask(['spawn', "it's $HOME.js"]);
    expect(stderr).toContain("-- node 'it'\\''s $HOME.js'");
  });

  const ports = ['abc', '0', '65536', '-1', '3e3', '0x0BB8', ' 3001', '3001abc', '３００１', ''];
  test.each(ports)('is refused with its value for port %j', async (port) => {
    for (const verb of ['spawn', 'proxy', 'serve']) {
      const result = await ask([verb, `--port=${port}`]);
      expect(result.code).toBe(2);
      expectPlainError(result, `"${port}"`);
    }
  });

  test.each(['0', '-3', '1.5', '1e9', '501', 'many'])(
    'is refused with its value for count %j',
    async (count) => {
      const result = await ask(count === 'many' ? ['spawn', count] : ['spawn', '--', count]);
      expect(result.code).toBe(2);
      expectPlainError(result, `"${count}"`);
      expect(result.stderr).toContain('1 to 500');
    },
  );

  test.each(['0', '1023', '131073', '16k', '-1', '1e4', '16384.5', ''])(
    'is refused with its value for a maximum header size of %j',
    async (size) => {
      for (const verb of ['proxy', 'up']) {
        const result = await ask([verb, `--max-header=${size}`]);
        expect(result.code).toBe(2);
        expectPlainError(result, `"${size}"`);
        expect(result.stderr).toContain('bytes from 1024 to 131072');
      }
    },
  );

  test.each(['-1', '0', 'abc', '1e100', '86401'])(
    'is refused with its value for ttl %j',
    async (ttl) => {
      const result = await ask(['set', 'hi', `--ttl=${ttl}`]);
      expect(result.code).toBe(2);
      expectPlainError(result, `"${ttl}"`);
    },
  );

  test('is refused for a message over 4 KiB, which is not printed whole', async () => {
    const result = await ask(['set', 'x'.repeat(4_097)]);
    expect(result.code).toBe(2);
    expectPlainError(result, '4097 bytes');
    expect(result.stderr.length).toBeLessThan(400);
  });

  test.each(['a b', '', 'x'.repeat(65), '../x', '\u001b[31m'])(
    'is refused for key %j, control characters escaped',
    async (key) => {
      const result = await ask(['get', `--key=${key}`]);
      expect(result.code).toBe(2);
      expectPlainError(result);
      expect(result.stderr).not.toContain('\u001b');
    },
  );

  test.each(['\u001b[31mred', '__proto__', 'x'.repeat(300), 'abc', '../x', 'http://'])(
    'is refused where it destroys %j, control characters escaped',
    async (id) => {
      const result = await ask(['destroy', id]);
      expect(result.code).toBe(2);
      expectPlainError(result);
      expect(result.stderr).not.toContain('\u001b');
      expect(result.stderr.length).toBeLessThan(400);
    },
  );

  const limits: readonly [string, readonly string[]][] = [
    ['--ready-timeout', ['spawn']],
    ['--drain-timeout', ['up', 'down', 'destroy', 'restart', 'proxy', 'serve']],
    ['--timeout', ['spawn', 'up', 'down', 'destroy', 'restart', 'proxy']],
    ['--drain', ['serve']],
  ];
  test.each(limits)(
    'is refused with its value where what %s is given is no time',
    async (flag, verbs) => {
      for (const verb of verbs) {
        for (const time of ['', 'x', '-1', '86401', '1e3', '5s']) {
          const result = await ask([verb, `${flag}=${time}`]);
          expect(result.code).toBe(2);
          expectPlainError(result, `"${time}"`);
          expect(result.stderr).toContain('seconds from 0 to 86400');
        }
      }
    },
  );

  test.each([
    ['spawn', '--drain-timeout'],
    ['down', '--ready-timeout'],
  ])('is refused by name where %s is given %s, which it does not have', async (verb, flag) => {
    const result = await ask([verb, `${flag}=1`]);
    expect(result.code).toBe(2);
    expectPlainError(result, flag);
  });

  test.each(['', 'never', 'CONNECT', '\u001b[31m'])(
    'is refused where --retry is %j, with what it may be',
    async (when) => {
      for (const verb of ['proxy', 'up']) {
        const result = await ask([verb, `--retry=${when}`]);
        expect(result.code).toBe(2);
        expectPlainError(result, 'retry');
        expect(result.stderr).toContain('idempotent or connect');
      }
    },
  );

  test.each([['proxy'], ['up'], ['up', '--detach']])(
    'is refused where %s is given both --sticky and least-inflight',
    async (...verb) => {
      const result = await ask([...verb, '--sticky', '--balance', 'least-inflight']);
      expect(result.code).toBe(2);
      expectPlainError(result, '--sticky', '--balance least-inflight');
    },
  );

  test('is refused with a port for several servers, and with names together with --all', async () => {
    expectPlainError(await ask(['spawn', '2', '--port', '3999']), '2');
    expectPlainError(await ask(['destroy', '--all', 'abc234']), '--all');
  });

  test.each([
    ['foo', 'foo'],
    ['http://127.0.0.1:1', 'http://127.0.0.1:1'],
    ['redis://127.0.0.1:99999', '99999'],
    ['redis://[::1', 'redis://[::1'],
    ['redis://127.0.0.1:1/3?db=4', '3 and 4'],
    ['redis://127.0.0.1:1?ssl=true', '"ssl"'],
    ['redis://127.0.0.1:1/#3', '#'],
    ['unix://redis.sock', 'unix://redis.sock'],
    ['unix:///redis.sock?password=sesame', '"password"'],
    [`redis+unix:///${'x'.repeat(200)}`, '107 bytes'],
  ])('is refused with its value for REDIS_URL %j', async (url, value) => {
    const result = await ask(['get'], { REDIS_URL: url });
    expect(result.code).toBe(2);
    expectPlainError(result, 'REDIS_URL', value);
  });

  test.each(['a b', '-x', '..', 'x'.repeat(256), '\u001b[31m'])(
    'is refused for host %j',
    async (host) => {
      const flags = ['spawn --host', 'proxy --host', 'serve --host', 'proxy --admin-host'];
      for (const [verb = '', flag] of flags.map((words) => words.split(' '))) {
        const result = await ask([verb, `${flag}=${host}`]);
        expect(result.code).toBe(2);
        expectPlainError(result, 'host');
      }
      for (const name of ['MEOW_ADVERTISE', 'MEOW_LISTEN']) {
        const told = await ask(['spawn'], { [name]: host });
        expect(told.code).toBe(2);
        expectPlainError(told, name);
      }
    },
  );

  test.each(['yes', 'true', '2'])('is refused for MEOW_DURABLE %j', async (value) => {
    const result = await ask(['ls'], { MEOW_DURABLE: value });
    expect(result.code).toBe(2);
    expectPlainError(result, 'MEOW_DURABLE');
  });

  test.each(['x'.repeat(300), 'evil\u001b', '10.0.0.0/33', '300.1.1.1', ''])(
    'is refused before the door opens for network %j',
    async (network) => {
      for (const flag of ['--allow-backends', '--trust-proxy']) {
        const result = await ask(['proxy', flag, network]);
        expect(result.code).toBe(2);
        expectPlainError(result);
      }
    },
  );

  test('is refused by name for a relative MEOW_HOME in a folder that is gone', async () => {
    const gone = 'mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"';
    const child = spawn('sh', ['-c', gone, process.execPath, BIN, 'ls'], {
      env: { ...site.env, MEOW_HOME: 'here' },
      cwd: site.home,
    });
    const result = await finish(child);
    expect(result.code).toBe(2);
    expectPlainError(result, 'MEOW_HOME', '"here"');
  });

  test.each(['../../x', '\u001b', 'abc', 'ABC234'])(
    'is refused where it serves as %j',
    async (id) => {
      const result = await ask(['serve', '--id', id]);
      expect(result.code).toBe(2);
      expectPlainError(result, 'id');
    },
  );

  const secrets = [
    'redis://me:sesame@127.0.0.1:1',
    'redis://me:sesame@127.0.0.1:99999',
    'redis://me:/sesame@127.0.0.1',
    'redis:/me:sesame@127.0.0.1',
    'redis+x://:sesame@127.0.0.1',
    '://:sesame@127.0.0.1',
    'sesame@127.0.0.1',
    'redis://127.0.0.1:1?password=sesame',
    'unix://me:sesame@redis.sock',
    'unix://me:sesame@/no/such/redis.sock',
    'unix:///no/such/redis.sock?password=sesame',
  ];
  test('never shows a password in REDIS_URL, however it is misspelt', async () => {
    for (const url of secrets) {
      const { stdout, stderr } = await ask(['get', '--debug'], { REDIS_URL: url });
      expect(stdout + stderr).not.toContain('sesame');
    }
  });
});

describe('help', () => {
  const verbs = [
    'up',
    'down',
    'spawn',
    'destroy',
    'listservers',
    'logs',
    'proxy',
    'serve',
    'set',
    'get',
    'upload',
    'meow',
    'recent',
    'completion',
    'doctor',
  ];

  test('of each verb has an example', () => {
    const { host } = hostOf(['--help'], site.env);
    const config = readSettings(host.env);
    const output = createOutput(host.stdout, host.stderr, 'never', null);
    const program = createProgram(createContext(host, ROOT, config, output, null));
    for (const name of verbs) {
      let text = '';
      const writeOut = (piece: string) => {
        text += piece;
      };
      program.commands
        .find((each) => each.name() === name)
        ?.configureOutput({ writeOut })
        .outputHelp();
      expect(text).toContain(`Usage: meowctl ${name}`);
      expect(text).toMatch(/Examples?:\n {2}(npx )?meowctl /);
    }
  });

  test("knows each verb of ours as ours, and not as another tool's", () => {
    const { host } = hostOf(['--help'], site.env);
    const config = readSettings(host.env);
    const output = createOutput(host.stdout, host.stderr, 'never', null);
    const { commands } = createProgram(createContext(host, ROOT, config, output, null));
    const names = commands.flatMap((verb) => [verb.name(), ...verb.aliases()]);
    expect(names.filter((name) => verbHere(name) !== null)).toEqual([]);
  });

  test('of a verb is printed, and exits 0', async () => {
    const { code, stdout } = await site.run(['spawn', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: meowctl spawn[\s\S]*Examples?:\n {2}(npx )?meowctl /);
  });

  test('of the whole names every verb, setting and exit code', async () => {
    const { code, stdout } = await site.run(['--help']);
    expect(code).toBe(0);
    for (const word of [...verbs, 'REDIS_URL', 'MEOW_HOME', '130 interrupted']) {
      expect(stdout).toContain(word);
    }
  });

  test('--version prints the version of the package', async () => {
    expect((await site.run(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('a Redis that is out of reach', () => {
  test('while nothing says where one is, is told with what to do', async () => {
    const result = await site.run(['listservers'], { env: { REDIS_URL: '' } });
    expect(result.code).toBe(4);
    expectPlainError(result);
    expect(result.stderr).toContain('meowctl up');
  });
});
