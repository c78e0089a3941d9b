import { textTable } from '../lib/table.mjs';
import { contenders, threeServe } from '../loss/contenders.mjs';
import { events, putThrough } from '../loss/events.mjs';
import { mixed, startLoad } from '../loss/load.mjs';
import { createNotes } from '../loss/notes.mjs';

/**
 * What clients lose when servers die, leave and change: each contender with three servers of the
 * same app, under the same load of GETs and POSTs, half of them over connections of their own. The
 * app takes 50 ms, so that something is always in flight. A request whose kept connection is closed
 * under it counts as failed; a browser would send such a GET again.
 * @param {import('../lib/world.mjs').World} world
 */
export async function measure(world) {
  const lines = [];
  for (const name of Object.keys(contenders)) {
    lines.push(...(await world.within((within) => measureOne(within, name))));
  }
  return [...lines.map(detailOf), ...judged(lines.filter(({ name }) => name === 'meowctl'))];
}

async function measureOne(world, name) {
  const notes = createNotes(world, name);
  const contender = await contenders[name](world, notes.folder);
  if (contender === null) return [];
  await checkAnswers(name, contender);
  const lines = [];
  for (const [n, event] of events.entries()) {
    world.say(`${name}: ${event.what}`);
    const pids = await threeServe(contender.url);
    const loss = await putThrough(event, contender, { pids, prefix: `event-${n}` });
    const line = { name, what: event.what, twice: notes.countTwice(`event-${n}`), ...loss };
    lines.push(line);
    if (line.failed.length > 0) world.say(`  failed: ${reasons(line.failed)}`);
    if (event.what === 'one retired') await contender.grow();
  }
  return lines;
}

/** All kinds of requests, before anything happens: who loses some at rest is not measured. */
async function checkAnswers(name, { url }) {
  await threeServe(url);
  const load = startLoad(url, { kinds: mixed, perSecond: 100, prefix: 'check' });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { sent, failed } = await load.stop();
  if (sent === 0 || failed.length > 0) {
    throw new Error(`${name} at rest failed ${failed.length} of ${sent}: ${failed[0]?.why}`);
  }
}

function reasons(failed) {
  const counts = new Map();
  for (const { method, why } of failed) {
    const key = `${method} ${why}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([why, count]) => `${count} × ${why}`).join(', ');
}

/** A line of the table, which `--json` prints too. */
function detailOf({ name, what, sent, failed, twice, slowestMs, tookMs }) {
  const failedOf = (method) => failed.filter((one) => one.method === method).length;
  const counts = { failedGets: failedOf('GET'), failedPosts: failedOf('POST') };
  const detail = { name, event: what, sent, ...counts, twice, slowestMs, tookMs };
  return { what: `${name}, ${what}: failed`, value: failed.length, detail };
}

/** What meowctl promises: of a server that is killed, the POSTs in flight on it may fail. */
function judged(lines) {
  const details = lines.map((line) => detailOf(line).detail);
  const sum = (pick) => details.reduce((total, detail) => total + pick(detail), 0);
  const orderly = ({ event }) => !event.startsWith('kill');
  return [
    {
      what: 'meowctl: GETs that failed, all events',
      value: sum((one) => one.failedGets),
      atMost: 0,
    },
    {
      what: 'meowctl: POSTs that failed where no server was killed',
      value: sum((one) => (orderly(one) ? one.failedPosts : 0)),
      atMost: 0,
    },
    {
      what: 'meowctl: POSTs that ran twice, all events',
      value: sum((one) => one.twice.POST),
      atMost: 0,
    },
  ];
}

/** @param {readonly import('../lib/table.mjs').Row[]} rows */
export function draw(rows) {
  const head = [
    'event',
    '',
    'sent',
    'GETs failed',
    'POSTs failed',
    'GETs twice',
    'POSTs twice',
    'slowest',
    'took',
  ];
  const details = rows.flatMap(({ detail }) => detail ?? []);
  const lines = events.flatMap(({ what }) => details.filter(({ event }) => event === what));
  const ms = (value) => `${value.toFixed(0)} ms`;
  return textTable(
    head,
    lines.map((one) => [
      one.event,
      one.name,
      ...[one.sent, one.failedGets, one.failedPosts, one.twice.GET, one.twice.POST].map(String),
      ms(one.slowestMs),
      one.event.startsWith('kill') ? '' : ms(one.tookMs),
    ]),
  );
}
