import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { type Fleet, startFleet } from '../../helpers/door-fleet.ts';
import { until } from '../../helpers/until.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet();
});
afterEach(() => fleet.clear());
afterAll(() => fleet.stop());

/** Clients that send pipelined requests, and read only when they are told to. */
function dial(port: number) {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  onTestFinished(() => void socket.destroy());
  socket.pause().write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(200));
  return socket;
}

// Less than a server is held up for: each answer is here as a whole.
const SIZE = 100_000;

test('answers of which a client reads nothing are cut after the time that a body may stand still', async () => {
  await fleet.serve('aaaaaa', (_request, response) => response.end(Buffer.alloc(SIZE)));
  const { port, door, answers } = await fleet.open(1, { bodyIdleMs: 500, doorWatchMs: 50 });
  dial(port);
  await until('it has answers', () => answers.length > 0);
  await until('it is let go', () => door.figures.snapshot().clients.open === 0);
  const cut = answers.filter(({ trouble }) => trouble === 'the client reads no more');
  expect(cut).toHaveLength(1);
  await until('nothing is in flight', () => door.servers()[0]?.inflight === 0);
});

test('answers that a client reads late, in time, it gets as a whole', async () => {
  await fleet.serve('aaaaaa', (_request, response) => response.end(Buffer.alloc(SIZE)));
  const { port, answers } = await fleet.open(1, { doorWatchMs: 50 });
  const socket = dial(port);
  let before = -1;
  await until('it stands still', async () => {
    const was = before;
    before = answers.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
    return before > 0 && was === before;
  });
  let bytes = 0;
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  socket.resume();
  await until('it has all', () => bytes > 200 * SIZE && answers.length === 200);
  expect(answers.filter(({ trouble }) => trouble !== null)).toEqual([]);
});
