import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { identify } from '../../src/process/identity.ts';
import { BIN } from '../helpers/cli.ts';
import { needs } from '../helpers/needs.ts';
import { until } from '../helpers/until.ts';
import { type Scenario, Skipped } from './scenario.ts';
import { bystander, isUnharmed } from './stranger.ts';

const claimed: Scenario = {
  fault: 'pid recycled: the record of a server that died names a living stranger',
  expected: 'destroy, with its SIGTERM and SIGKILL, and `destroy --all` signal nobody; exit 0',
  quick: false,
  async run({ site, raw, spawn, atEnd, ...world }) {
    const [dead] = await spawn(['2']);
    const victim = bystander({ site, raw, spawn, atEnd, ...world });
    process.kill(dead?.pid ?? Number.NaN, 'SIGKILL');
    await until('dead', () => identify(dead?.pid ?? 0) === null);
    const record = JSON.parse((await raw.hget('{meow}:servers', dead?.id ?? '')) ?? '{}');
    const pidStart = identify(victim.pid)?.start; // the worst case: even the start time recurs
    const text = JSON.stringify({ ...record, pid: victim.pid, pidStart });
    await raw.hset('{meow}:servers', dead?.id ?? '', text);
    const { code } = await site.run(['destroy', dead?.id ?? '', '--drain-timeout', '0']);
    await raw.hset('{meow}:servers', dead?.id ?? '', text);
    const all = await site.run(['destroy', '--all', '--drain-timeout', '1']);
    expect([code, all.code, isUnharmed(victim)]).toEqual([0, 0, true]);
    return 'exits 0 and 0, the stranger lives';
  },
};

// As the first process of a pid namespace, where the next pid can be chosen. bash reaps the dead.
const SCRIPT = `
set -e
field() { sed -E 's/.*"'$1'": ?"?([^",}]*).*/\\1/'; }
row=$("$NODE" "$BIN" spawn --json | tr -d '\\n')
pid=$(echo "$row" | field pid)
id=$(echo "$row" | field id)
"$NODE" "$BIN" spawn -q >/dev/null
kill -9 $pid
while [ -e /proc/$pid ]; do sleep 0.05; done
echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
sleep 600 &
echo "recycled $([ $! = $pid ] && echo yes || echo no)"
code=0; "$NODE" "$BIN" destroy "$id" --drain-timeout 1 >/dev/null || code=$?
echo "exit $code"
kill -0 $pid && echo "stranger lives"
"$NODE" "$BIN" destroy --all --drain-timeout 2 >/dev/null
`;

const reused: Scenario = {
  fault: 'pid recycled for real, in a pid namespace',
  expected: 'destroy of the dead server exits 0, the stranger with its pid lives',
  quick: false,
  async run({ site }) {
    const inNamespace = ['-pf', '--mount-proc'];
    if (!needs.chosenPids.isHere()) throw new Skipped(needs.chosenPids.what);
    const file = join(site.home, 'recycle.sh');
    writeFileSync(file, SCRIPT);
    const env = { ...site.env, NODE: process.execPath, BIN };
    const { stdout, stderr } = spawnSync('unshare', [...inNamespace, 'bash', file], {
      env,
      encoding: 'utf8',
      timeout: 250_000,
    });
    expect([stdout.trim().split('\n'), stderr]).toEqual([
      ['recycled yes', 'exit 0', 'stranger lives'],
      expect.any(String),
    ]);
    return 'the pid came again; exit 0, the stranger lives';
  },
};

export const pidFaults: readonly Scenario[] = [claimed, reused];
