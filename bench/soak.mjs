// npm run soak [-- --minutes 3] [--seed 1]. Mixed traffic through the door while its servers and its
// Redis are disturbed; a table of what was sent, what failed and why. Exit 1 if a failure was not allowed.
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { textTable } from './lib/table.mjs';
import { disturb } from './soak/disturb.mjs';
import { judge } from './soak/judge.mjs';
import { drainQueue } from './soak/pictures.mjs';
import { openSite } from './soak/site.mjs';
import { startTraffic } from './soak/traffic.mjs';

const MIB = 1_024 * 1_024;
const MOST_MORE_MIB = 30;
const MOST_MORE_FILES = 20;
/** What Node needs for any load at all is no growth. */
const WARM_UP_MS = 10_000;

const { minutes, seed } = readArgs();
if (!(minutes >= 0.5 && minutes <= 120) || !Number.isInteger(seed)) {
  process.stderr.write('soak: use --minutes 0.5 to 120, --seed a whole number\n');
  process.exit(2);
}
if (!existsSync(new URL('../dist/start.cjs', import.meta.url))) {
  process.stderr.write('soak: meowctl is not built\n  Run: npm run build\n');
  process.exit(2);
}
// Whatever hangs: it ends by itself.
setTimeout(
  () => {
    process.stderr.write('soak: it did not end in time\n');
    process.exit(1);
  },
  (minutes + 5) * 60_000,
).unref();

const site = await openSite();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => site.close().finally(() => process.exit(130)));
}
try {
  process.exitCode = await soak();
} finally {
  await site.close();
}

/** What cannot be read is NaN. */
function readArgs() {
  /** @satisfies {import('node:util').ParseArgsConfig['options']} */
  const options = {
    minutes: { type: 'string', default: '3' },
    seed: { type: 'string', default: '1' },
  };
  try {
    const { values } = parseArgs({ options });
    return { minutes: Number(values.minutes), seed: Number(values.seed) };
  } catch {
    return { minutes: Number.NaN, seed: Number.NaN };
  }
}

async function soak() {
  const traffic = startTraffic(site);
  await pause(WARM_UP_MS);
  const before = site.doorFigures();
  const disturbances = await disturb(site, { endMs: performance.now() + minutes * 60_000, seed });
  await traffic.stop();
  await drainQueue(site, traffic.pictures);
  const after = await site.doorFiguresAtRest(before);
  const verdict = judge(traffic.done, disturbances, traffic.pictures, site);
  const table = (head, rows) =>
    `${textTable(
      head,
      rows.map((row) => row.map(String)),
    )}\n\n`;
  process.stdout.write(
    `\n${minutes} minutes, seed ${seed}\n\n` +
      table(['traffic', 'sent', 'well', 'failed, allowed', 'NOT allowed'], verdict.traffic) +
      table(['why it failed, allowed', 'times'], verdict.reasons) +
      table(['disturbance', 'times'], verdict.disturbances) +
      table(['pictures', 'count'], verdict.pictures) +
      table(['door', 'start', 'end', 'at most'], doorRows(before, after)),
  );
  for (const line of verdict.wrong.slice(0, 50)) process.stdout.write(`NOT allowed: ${line}\n`);
  const troubles = [...verdict.wrong, ...doorTroubles(before, after)];
  process.stdout.write(
    troubles.length === 0 ? 'nothing else failed\n' : `${troubles.length} wrong\n`,
  );
  return troubles.length === 0 ? 0 : 1;
}

function doorRows(before, after) {
  const mib = (bytes) => Math.round(bytes / MIB);
  return [
    ['pid', before.pid, after.pid, before.pid],
    ['memory, MiB', mib(before.rss), mib(after.rss), mib(before.rss) + MOST_MORE_MIB],
    ['open files', before.files, after.files, before.files + MOST_MORE_FILES],
    ['stacks in its log', 0, after.stacks, 0],
  ];
}

function doorTroubles(before, after) {
  return [
    after.pid !== before.pid && 'the door is another process',
    after.rss - before.rss > MOST_MORE_MIB * MIB && 'the door has grown',
    after.files - before.files > MOST_MORE_FILES && 'the door has kept files open',
    after.stacks > 0 && 'the door printed a stack',
  ].filter(Boolean);
}
