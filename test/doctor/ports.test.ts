import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { checkPorts } from '../../src/doctor/ports.ts';
import { portHolders } from '../../src/process/port-holder.ts';
import { freePort } from '../helpers/redis.ts';

const listening: Server[] = [];
afterEach(async () => {
  for (const server of listening.splice(0)) await new Promise((done) => server.close(done));
});

function listen(port: number): Promise<void> {
  return new Promise((resolve) => {
    listening.push(createServer().listen(port, '127.0.0.1', () => resolve()));
  });
}

describe.skipIf(process.platform !== 'linux')('a port that meowctl takes by itself', () => {
  test('is free, ours, or held by somebody, who is named', async () => {
    const [door, admin, localRedis] = [await freePort(), await freePort(), await freePort()];
    const ports = { door, admin, firstServer: await freePort(), localRedis };
    const look = (isOurs: boolean) => checkPorts(ports, portHolders(), () => isOurs);
    const of = (isOurs: boolean, name: string) => look(isOurs).find(({ check }) => check === name);
    expect(look(false).map(({ ok }) => ok)).toEqual([true, true, true, true]);
    expect(of(false, 'port-door')?.says).toBe(`port ${door} is free`);

    await listen(door);
    await listen(ports.firstServer + 2);
    await listen(localRedis);
    const held = of(false, 'port-door');
    expect(held?.ok).toBe('warn');
    expect(held?.says).toMatch(
      new RegExp(`^port ${door} is in use by .+ \\(pid ${process.pid}\\)$`),
    );
    expect(held?.remedy).toContain('--port');
    expect(of(false, 'port-servers')?.says).toContain(`passed over are ${ports.firstServer + 2} `);
    expect(of(false, 'port-redis')).toMatchObject({ ok: true, remedy: null });
    expect(of(true, 'port-door')?.says).toBe(`port ${door} is ours (pid ${process.pid})`);
    expect(of(true, 'port-servers')?.says).toContain('free or ours');
  });

  test('of another user is not named', () => {
    const ports = { door: 1, admin: 2, firstServer: 3, localRedis: 4 };
    const [door] = checkPorts(
      ports,
      () => ({ pid: null, name: '' }),
      () => true,
    );
    expect(door).toMatchObject({
      ok: 'warn',
      says: 'port 1 is in use by a process of another user',
    });
  });
});
