import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RuntimeSocket } from '../../../src/engine/runtime/runtime-socket.ts';
import { count, parseServerStates, parseStat } from '../../../src/engine/runtime/stat-rows.ts';
import { temporaryFolder } from '../../helpers/cleanup.ts';

/** Something that speaks as HAProxy does on its socket, and answers with what it was asked. */
async function listening(answers: (command: string) => readonly string[] | null): Promise<string> {
  const path = join(temporaryFolder(), 'a.sock');
  const server: Server = createServer((socket) => {
    socket.setEncoding('utf8').on('error', () => {});
    const act = (command: string) => {
      const pieces = command === 'prompt' ? ['\n> '] : answers(command);
      if (pieces === null) socket.destroy();
      for (const piece of pieces ?? []) socket.write(piece);
    };
    socket.on('data', (lines) => {
      for (const command of String(lines).split('\n')) if (command !== '') act(command);
    });
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

describe('the runtime socket', () => {
  test('gives each command its own answer, in whatever pieces that comes', async () => {
    const path = await listening((command) => [`you said\n${command}`, '\n', '\n', '> ']);
    const runtime = await RuntimeSocket.open(path, 60_000);
    const said = await Promise.all(['one', 'two', 'three'].map((word) => runtime.ask(word)));
    expect(said).toEqual(['you said\none', 'you said\ntwo', 'you said\nthree']);
    runtime.close();
  });

  test('tells once that HAProxy has gone, and fails whatever waits for it', async () => {
    const path = await listening((command) => (command === 'die' ? null : []));
    const runtime = await RuntimeSocket.open(path, 60_000);
    let told = 0;
    const ended = new Promise<void>((resolve) => {
      runtime.onEnd(() => {
        told += 1;
        resolve();
      });
    });
    await expect(Promise.all([runtime.ask('die'), runtime.ask('later')])).rejects.toThrow(
      'HAProxy does not answer',
    );
    await ended;
    await expect(runtime.ask('again')).rejects.toThrow('HAProxy does not answer');
    expect(told).toBe(1);
  });

  test('waits for no answer longer than it may', async () => {
    const path = await listening(() => []);
    const runtime = await RuntimeSocket.open(path, 300);
    await expect(runtime.ask('show stat')).rejects.toThrow();
  });

  test('says where nobody listens', async () => {
    const path = join(temporaryFolder(), 'none.sock');
    await expect(RuntimeSocket.open(path, 60_000)).rejects.toThrow('HAProxy does not answer');
  });
});

describe('what HAProxy tells', () => {
  test('is read by the names of its columns, quotes and all', () => {
    const rows = parseStat('# pxname,svname,scur,last_chk,\nservers,abc234,3,"a, ""b""",\n\n');
    expect(rows).toHaveLength(1);
    expect([rows[0]?.svname, rows[0]?.last_chk]).toEqual(['abc234', 'a, "b"']);
    expect([count(rows[0], 'scur'), count(rows[0], 'qcur'), count(undefined, 'scur')]).toEqual([
      ...[3, 0, 0],
    ]);
  });

  test('says which servers it has, and which of them are out, and why', () => {
    const text = [
      '1',
      '# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_port',
      '3 servers 1 abc234 127.0.0.1 2 0 4101',
      '3 servers 2 xyz789 ::1 0 1 4102',
    ].join('\n');
    expect(parseServerStates(text)).toEqual([
      { id: 'abc234', host: '127.0.0.1', port: 4101, inMaintenance: false, isDown: false },
      { id: 'xyz789', host: '::1', port: 4102, inMaintenance: true, isDown: true },
    ]);
  });
});
