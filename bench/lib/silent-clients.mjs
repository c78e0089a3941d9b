import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { halfUploads } from './half-uploads.mjs';
import { rssBytes, settledRss } from './proc.mjs';
import { until } from './until.mjs';

const MB = 1_000_000;
/** A thousand clients do not come in one millisecond: so many do, four times a second. */
const AT_ONCE = 60;
const PAUSE_MS = 250;
const SILENT_MS = 3_000;
const LOOK_MS = 5;
const asker = fileURLToPath(new URL('../programs/slowest-answer.mjs', import.meta.url));

/** What uploads of clients that fall silent half-way do to their server, and to who asks for `/test`. */
export async function silentClients(world, { pid, url, port }, count) {
  world.say(`${count} half-sent uploads of 27 MiB`);
  const before = await settledRss(pid);
  const others = askOthers(world, `${url}/test`);
  const memory = watchMemory(pid);
  const waves = [];
  for (let left = count; left > 0; left -= AT_ONCE) {
    waves.push(halfUploads(port, Math.min(left, AT_ONCE)));
    await pause(PAUSE_MS);
  }
  await until('all are silent, or refused', () => waves.every((wave) => wave.allSilent()), 120_000);
  await pause(SILENT_MS);
  const { slowest } = await others.end();
  world.say(`answered: ${tally(waves.flatMap((wave) => wave.answers()))}`);
  for (const wave of waves) wave.end();
  const after = await settledRss(pid);
  const what = `${count} half-sent uploads`;
  return [
    {
      what: `${what}: memory at its most − before`,
      value: (memory.end() - before) / MB,
      atMost: 150,
      unit: ' MB',
    },
    {
      what: `${what}: memory after − before`,
      value: (after - before) / MB,
      atMost: 75,
      unit: ' MB',
    },
    { what: `${what}: slowest /test meanwhile`, value: slowest, atMost: 100, unit: ' ms' },
  ];
}

function askOthers(world, url) {
  const child = spawn(world.node, [asker, url], { stdio: ['pipe', 'pipe', 'inherit'] });
  world.atEnd(() => child.kill('SIGKILL'));
  return {
    async end() {
      child.stdin.end();
      const [text] = await once(child.stdout, 'data');
      return JSON.parse(text);
    },
  };
}

function watchMemory(pid) {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, rssBytes(pid));
  }, LOOK_MS);
  return {
    end() {
      clearInterval(timer);
      return most;
    },
  };
}

function tally(answers) {
  const counts = {};
  for (const answer of answers) counts[answer] = (counts[answer] ?? 0) + 1;
  return JSON.stringify(counts);
}
