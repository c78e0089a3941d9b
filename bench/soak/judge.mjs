import { CATS, STREAMS } from './site.mjs';

/** After Redis is back all is well within this time. */
const WELL_AGAIN_MS = 5_000;
/** A server that was stopped or killed may be found out this much later. */
const FOUND_OUT_MS = 12_000;
const STATE = new Set(['GET /set, /get', 'POST /upload', 'GET /meow']);

/**
 * Which failures were allowed, and why. A failure is judged by the servers that the door's own log
 * says were asked.
 */
export function judge(done, disturbances, pictures, site) {
  const asked = { [CATS]: whoWasAsked(site, CATS), [STREAMS]: whoWasAsked(site, STREAMS) };
  const rows = new Map();
  const reasons = new Map();
  const wrong = [];
  for (const each of done) {
    const row = rows.get(each.kind) ?? { sent: 0, well: 0, allowed: 0, wrong: 0 };
    rows.set(each.kind, row);
    row.sent += 1;
    if (each.well) {
      row.well += 1;
      continue;
    }
    const servers = asked[each.fleet].get(each.path) ?? [];
    const why = excuse(each, servers, disturbances);
    if (why) row.allowed += 1;
    else row.wrong += 1;
    if (why)
      reasons.set(
        `${each.kind}: ${each.outcome}, ${why}`,
        (reasons.get(`${each.kind}: ${each.outcome}, ${why}`) ?? 0) + 1,
      );
    else
      wrong.push(
        `${each.kind} ${each.path}: ${each.outcome} after ${Math.round(each.toMs - each.fromMs)} ms, at ${Math.round(each.fromMs)} ms, asked ${servers.join(' ') || 'nobody'}`,
      );
  }
  const seen = judgePictures(pictures, disturbances);
  for (const { what, fleet, trouble } of disturbances) {
    if (trouble) wrong.push(`${what} in ${fleet}: exit ${trouble.trim()}`);
  }
  return {
    traffic: [...rows].map(([kind, row]) => [kind, row.sent, row.well, row.allowed, row.wrong]),
    reasons: [...reasons].sort((a, b) => b[1] - a[1]),
    disturbances: [...countBy(disturbances, ({ what, fleet }) => `${what} ${fleet ?? ''}`.trim())],
    pictures: seen.rows,
    wrong: [...wrong, ...seen.wrong],
  };
}

/** The words of the issue: what may fail. Null when nothing excuses it. */
function excuse({ kind, outcome, fromMs, toMs }, servers, disturbances) {
  const during = (d, graceMs) => fromMs <= d.toMs + graceMs && toMs >= d.fromMs;
  const hit = disturbances.find(
    (d) =>
      (d.what === 'killed' || d.what === 'stopped') &&
      servers.includes(d.id) &&
      during(d, FOUND_OUT_MS),
  );
  const redisAway = disturbances.some((d) => d.what === 'redisKilled' && during(d, WELL_AGAIN_MS));
  if (redisAway && STATE.has(kind) && outcome === '503') return 'while Redis was away';
  if (hit && kind === 'POST /upload') return `in flight on a server that was ${hit.what}`;
  if (hit && kind === 'WebSocket') return `on a server that was ${hit.what}`;
  // Bytes that a client has read cannot be taken back: RFC 9110 §9.2.2 repeats requests, not answers.
  if (hit && outcome === 'cut') return `half answered by a server that was ${hit.what}`;
  const left = disturbances.find(
    (d) =>
      (d.what === 'destroyed' || d.what === 'restarted') && servers.includes(d.id) && during(d, 0),
  );
  if (left && kind === 'WebSocket' && outcome === 'closed 1001')
    return 'said goodbye by a server that left';
  return null;
}

/** By path: the servers that the door asked. */
function whoWasAsked(site, fleet) {
  const asked = new Map();
  for (const line of site.doors[fleet].log().split('\n')) {
    const found = /^[\d:.]{12} \S+ \S*(\?n=\d+) (\S+) \d+ /.exec(line);
    if (!found) continue;
    const tried = / tried (.*)$/.exec(line)?.[1]?.split(' ') ?? [];
    asked.set(
      found[1],
      [...new Set([found[2], ...tried])].filter((id) => id !== '-'),
    );
  }
  return asked;
}

function judgePictures({ accepted, unknown, shown }, disturbances) {
  const lost = [...accepted].filter((name) => !shown.has(name));
  const strange = [...shown.keys()].filter((name) => !accepted.has(name) && !unknown.has(name));
  const twice = [...shown].filter(([, times]) => times.length > 1);
  // An answer that came whole while its acknowledgement could not is shown again.
  const excused = ([, [first]]) =>
    disturbances.some(
      (d) =>
        d.what !== 'destroyed' &&
        d.what !== 'restarted' &&
        first >= d.fromMs - 1_000 &&
        first <= d.toMs + FOUND_OUT_MS,
    );
  const doubled = twice.filter((each) => !excused(each));
  return {
    rows: [
      ['accepted', accepted.size],
      ['their answer was lost', unknown.size],
      ['shown', shown.size],
      ['accepted and never shown', lost.length],
      ['shown twice, acknowledged by nobody', twice.length - doubled.length],
      ['shown twice for no reason', doubled.length],
      ['never sent', strange.length],
    ],
    wrong: [
      ...lost.map((name) => `picture ${name} was accepted and never shown`),
      ...doubled.map(([name]) => `picture ${name} was shown twice`),
      ...strange.map((name) => `a picture came out that never went in: ${name}`),
    ],
  };
}

function countBy(items, nameOf) {
  const counts = new Map();
  for (const item of items) counts.set(nameOf(item), (counts.get(nameOf(item)) ?? 0) + 1);
  return counts;
}
