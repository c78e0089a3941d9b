import { Agent, request } from 'node:http';

const TICK_MS = 5;
const LATE_MS = 10_000;
const BODY = 'x'.repeat(1_024);

/** @typedef {{ method: 'GET' | 'POST', kept: boolean }} Kind `kept`: over connections that are used again */

/** @type {readonly Kind[]} */
export const mixed = [
  { method: 'GET', kept: true },
  { method: 'POST', kept: true },
  { method: 'GET', kept: false },
  { method: 'POST', kept: false },
];

export const posts = mixed.filter(({ method }) => method === 'POST');

/**
 * @typedef {object} Loss what a client saw
 * @property {number} sent
 * @property {readonly { method: string, why: string }[]} failed
 * @property {number} slowestMs of those that were answered, from when the request was due
 */

/**
 * So many requests a second, of these kinds by turns, whether answers come or not.
 * @param {string} url
 * @param {{ kinds: readonly Kind[], perSecond: number, prefix: string }} how `prefix`: of each request's id
 * @returns {{ stop(): Promise<Loss> }}
 */
export function startLoad(url, { kinds, perSecond, prefix }) {
  const agents = { kept: new Agent({ keepAlive: true }), fresh: new Agent({ keepAlive: false }) };
  const failed = [];
  const asked = [];
  let slowestMs = 0;
  const begun = performance.now();
  const ask = async (kind, due, id) => {
    const why = await send(url, kind, kind.kept ? agents.kept : agents.fresh, id);
    if (why === null) slowestMs = Math.max(slowestMs, performance.now() - due);
    else failed.push({ method: kind.method, why });
  };
  const timer = setInterval(() => {
    const now = performance.now();
    for (;;) {
      const due = begun + (asked.length / perSecond) * 1_000;
      if (due > now) return;
      const kind = kinds[asked.length % kinds.length];
      asked.push(ask(kind, due, `${prefix}-${kind.method}-${asked.length}`));
    }
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(asked);
      for (const agent of Object.values(agents)) agent.destroy();
      return { sent: asked.length, failed, slowestMs };
    },
  };
}

/** @returns {Promise<string | null>} why it failed, or null */
function send(url, { method }, agent, id) {
  const body = method === 'POST' ? BODY : '';
  return new Promise((resolve) => {
    const headers = { 'x-bench-id': id, ...(body && { 'content-length': body.length }) };
    const asked = request(url, { method, agent, headers, timeout: LATE_MS }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      answer.once('error', (error) => resolve(error.message));
      answer.once('end', () => resolve(judge(answer.statusCode, text, `${method} ${body.length}`)));
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer in 10 s')));
    asked.once('error', (error) => resolve(error.message));
    asked.end(body);
  });
}

function judge(status, text, wanted) {
  if (status !== 200) return String(status);
  return text === wanted ? null : 'a wrong answer';
}
