import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'undici';
import { createPictures, namedPng, show } from './pictures.mjs';
import { CATS, STREAMS } from './site.mjs';

const LATE_MS = 45_000;
const MESSAGES = 20;
const BIG_BYTES = 8 * 1_024 * 1_024;

/**
 * @typedef {object} Done one thing a client did
 * @property {string} kind
 * @property {string} fleet
 * @property {string} path unique, so that the door's log tells who was asked
 * @property {number} fromMs
 * @property {number} toMs
 * @property {string} outcome `200`, `502`, `cut`, `refused`, `late`, `closed 1001`…
 * @property {boolean} well
 */

/**
 * All the clients, until `stop`.
 * @returns {{ done: Done[], pictures: object, stop(): Promise<void> }}
 */
export function startTraffic(site) {
  const done = [];
  const pictures = createPictures();
  const agent = new Agent({ keepAlive: true });
  let going = true;
  let count = 0;

  const loop = (kind, fleet, restMs, act) => async () => {
    while (going) {
      count += 1;
      const fromMs = performance.now();
      const path = `?n=${count}`;
      const { outcome, well } = await act(path, site.port(fleet));
      done.push({ kind, fleet, path, fromMs, toMs: performance.now(), outcome, well });
      await pause(restMs);
    }
  };
  const ask = (method, route, expected) => async (path, port) => {
    const { outcome } = await send(agent, port, method, route + path);
    return { outcome, well: expected.includes(outcome) };
  };

  const clients = [
    ...times(6, loop('GET /', CATS, 1, ask('GET', '/', ['200']))),
    ...times(2, loop('GET /set, /get', CATS, 5, ask('GET', '/get', ['200', '404']))),
    loop('GET /set, /get', CATS, 50, ask('GET', '/set', ['200'])),
    ...times(
      2,
      loop('POST /upload', CATS, 25, (path, port) => upload(agent, port, path, pictures)),
    ),
    ...times(
      2,
      loop('GET /meow', CATS, 15, (path, port) => meow(agent, port, path, pictures)),
    ),
    ...times(3, loop('WebSocket', STREAMS, 20, chat)),
    ...times(2, loop('client leaves', CATS, 20, leaveWaiting)),
    loop('client leaves', CATS, 40, leaveUploading),
    ...times(2, loop('slow head', CATS, 20, slowHead)),
    ...times(2, loop('slow reader', STREAMS, 20, slowReader)),
  ];
  const running = Promise.all(clients.map((client) => client()));
  return {
    done,
    pictures,
    async stop() {
      going = false;
      await running;
      agent.destroy();
    },
  };
}

const times = (count, client) => Array.from({ length: count }, () => client);

/**
 * One request, whole.
 * @param {Agent} agent
 * @param {number} port
 * @param {string} method
 * @param {string} path
 * @param {{ headers?: Record<string, string | number>, body?: Buffer }} [what]
 * @returns {Promise<{ outcome: string, body?: Buffer }>} its status, or what went wrong, and the body
 */
function send(agent, port, method, path, { headers = {}, body } = {}) {
  return new Promise((resolve) => {
    const options = { agent, port, host: '127.0.0.1', method, path, headers, timeout: LATE_MS };
    const outgoing = request(options, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.once('error', () => resolve({ outcome: 'cut' }));
      answer.once('end', () =>
        resolve({ outcome: String(answer.statusCode), body: Buffer.concat(pieces) }),
      );
    });
    outgoing.once('timeout', () => outgoing.destroy(new Error('late')));
    outgoing.once('error', (/** @type {NodeJS.ErrnoException} */ { code, message }) =>
      resolve({ outcome: code ?? message }),
    );
    outgoing.end(body);
  });
}

async function upload(agent, port, path, pictures) {
  const name = `p${pictures.next++}`;
  const { headers, body } = form(name);
  const { outcome } = await send(agent, port, 'POST', `/upload${path}`, { headers, body });
  if (outcome === '201') pictures.accepted.add(name);
  else pictures.unknown.add(name);
  return { outcome, well: outcome === '201' || outcome === '507' };
}

function form(name) {
  const head = `--soak\r\nContent-Disposition: form-data; name="image"; filename="${name}.png"\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), namedPng(name), Buffer.from('\r\n--soak--\r\n')]);
  const type = 'multipart/form-data; boundary=soak';
  return { headers: { 'Content-Type': type, 'Content-Length': body.length }, body };
}

async function meow(agent, port, path, pictures) {
  const { outcome, body } = await send(agent, port, 'GET', `/meow${path}`);
  if (outcome === '200') show(pictures, body, performance.now());
  return { outcome, well: outcome === '200' || outcome === '404' };
}

/** Says twenty things and hears each of them, one after the other. */
function chat(path, port) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/chat${path}`);
    const late = setTimeout(() => socket.close(), LATE_MS);
    let heard = 0;
    const say = () => (heard < MESSAGES ? socket.send(`message ${heard}`) : socket.close(1_000));
    socket.addEventListener('open', say);
    socket.addEventListener('message', ({ data }) => {
      if (String(data) !== `message ${heard}`) return socket.close(4_000);
      heard += 1;
      setTimeout(say, 5);
    });
    socket.addEventListener('error', () => {});
    socket.addEventListener('close', ({ code }) => {
      clearTimeout(late);
      resolve({ outcome: `closed ${code}`, well: heard === MESSAGES && code === 1_000 });
    });
  });
}

/** The client's own doing, so it is always well. */
function leaveWaiting(path, port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET /recent${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      setTimeout(() => socket.destroy(), Math.random() * 4);
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve({ outcome: 'left', well: true }));
  });
}

function leaveUploading(path, port) {
  return new Promise((resolve) => {
    const { headers, body } = form('never');
    const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`POST /upload${path} HTTP/1.1\r\nHost: a\r\n${head.join('')}\r\n`);
      socket.write(body.subarray(0, body.length / 2));
      setTimeout(() => socket.destroy(), Math.random() * 20);
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve({ outcome: 'left', well: true }));
  });
}

/** A head that takes two seconds to come. */
function slowHead(path, port) {
  return exchange(port, async (socket) => {
    for (const piece of [
      `GET /${path} HT`,
      'TP/1.1\r\n',
      'Host: a\r\nConnec',
      'tion: close\r\n\r\n',
    ]) {
      socket.write(piece);
      await pause(500);
    }
  });
}

/** 8 MiB, read in sips over some seconds. */
function slowReader(path, port) {
  return exchange(
    port,
    async (socket) => {
      socket.write(`GET /big${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      for (let sip = 0; sip < 40 && !socket.destroyed; sip += 1) {
        socket.pause();
        await pause(50);
        socket.resume();
        await pause(5);
      }
    },
    BIG_BYTES,
  );
}

function exchange(port, act, atLeast = 0) {
  return new Promise((resolve) => {
    let first = '';
    let bytes = 0;
    const socket = connect(port, '127.0.0.1', () => act(socket));
    socket.setTimeout(LATE_MS, () => socket.destroy());
    socket.on('data', (piece) => {
      if (first === '') first = piece.toString('latin1', 0, 12);
      bytes += piece.length;
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      const status = first.slice(9) || 'nothing';
      const whole = status !== '200' || bytes > atLeast;
      resolve({ outcome: whole ? status : 'cut', well: status === '200' && whole });
    });
  });
}
