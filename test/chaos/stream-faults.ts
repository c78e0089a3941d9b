import { join } from 'node:path';
import { WebSocket } from 'undici';
import { expect } from 'vitest';
import { until } from '../helpers/until.ts';
import { against, type Scenario } from './scenario.ts';

const APP = join(import.meta.dirname, '..', 'fixtures', 'apps', 'server.mjs');
const GOING_AWAY = 1_001;
const COUNT = 20;
// Three servers, and the last to leave has its 5 s.
const ROLL_MS = 12_000;

const rollWithSockets: Scenario = {
  fault: `a roll of three servers with ${COUNT} WebSockets open`,
  expected:
    'it takes seconds; each WebSocket is closed with 1001, and its client finds another server',
  quick: false,
  async run(world) {
    const { url } = await world.openDoor();
    await world.spawn(['3', '--app', APP]);
    await world.used();
    const codes: number[] = [];
    let again = 0;
    const open = (onOpen: () => void) => {
      const socket = new WebSocket(url.replace('http', 'ws'));
      socket.addEventListener('open', onOpen);
      socket.addEventListener('close', ({ code }) => {
        codes.push(code);
        if (codes.length <= COUNT) open(() => again++);
      });
    };
    let opened = 0;
    for (let at = 0; at < COUNT; at += 1) open(() => opened++);
    await until('all are open', () => opened === COUNT);
    const began = performance.now();
    const { code, stderr } = await world.site.run(['restart']);
    const ms = performance.now() - began;
    expect([code, stderr]).toEqual([0, expect.not.stringContaining('meowctl:')]);
    await until('all are open again', () => again >= COUNT);
    expect(new Set(codes)).toEqual(new Set([GOING_AWAY]));
    return `restart took ${against(ms, ROLL_MS)}; ${codes.length} closed with 1001, ${again} opened again`;
  },
};

export const streamFaults: readonly Scenario[] = [rollWithSockets];
