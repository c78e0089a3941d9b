import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { isServerId } from '../../ids.ts';
import { type Background, repeat } from '../../loop.ts';
import { socketPath } from '../../state/socket-path.ts';
import { removeFile } from '../../state/whole-file.ts';

/*
 * Each reconciler of a state folder listens on a socket of its own in it, and each server holds a
 * connection to every one of them open. The kernel ends that in the moment the server dies: nobody
 * is anybody's child here, so there is no other news of it. What is said is worth a look, no more.
 */

const FOLDER = 'keepers';
const MAX_LINE = 40;

export interface Heard {
  /** A server says that it serves, and for how long already. */
  serves(id: string, forMs: number): void;
  /** The connection of a server has ended. */
  ended(id: string): void;
  log(line: string): void;
}

/** Where the reconcilers of a state folder listen. */
export function deathSockets(home: string): string[] {
  const folder = dirname(nameOne(home));
  return readdirSync(folder)
    .filter((name) => /^[0-9a-f]{8}\.sock$/.test(name))
    .map((name) => join(folder, name));
}

/** Listens until it is stopped. One that cannot, or whose socket is removed, tries again after `rebindMs`. */
export class DeathSocket {
  readonly #home: string;
  readonly #heard: Heard;
  readonly #connections = new Set<Socket>();
  /** How many connections each server holds that said who it is. */
  readonly #connected = new Map<string, number>();
  readonly #listening: Background;
  #server: Server | null = null;
  #path = '';
  #stopped = false;

  constructor(home: string, heard: Heard, rebindMs: number) {
    this.#home = home;
    this.#heard = heard;
    this.#listening = repeat({
      name: 'listening for the ends of servers',
      every: () => rebindMs,
      work: () => this.#listen(),
      log: heard.log,
      unref: true,
    });
    this.#listening.soon();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#listening.stop();
    this.#server?.close();
    for (const connection of this.#connections) connection.destroy();
    if (this.#path) removeFile(this.#path);
  }

  /** Whether a server holds a connection open: the process that said so lives, whoever it is. */
  holds(id: string): boolean {
    return this.#connected.has(id);
  }

  async #listen(): Promise<void> {
    if (this.#server && existsSync(this.#path)) return;
    this.#server?.close();
    await removeAbandoned(this.#home);
    const path = nameOne(this.#home);
    this.#server = await bind(path, (connection) => this.#hear(connection));
    this.#path = path;
  }

  #hear(connection: Socket): void {
    let text = '';
    let id: string | null = null;
    this.#connections.add(connection);
    connection.unref().setEncoding('latin1');
    connection.on('data', (piece: string) => {
      text += piece;
      if (id !== null || text.length > MAX_LINE) return connection.destroy();
      const [, who = '', forMs] = /^(\S+) (\d{1,15})\n$/.exec(text) ?? [];
      if (!isServerId(who)) return;
      id = who;
      this.#connected.set(id, (this.#connected.get(id) ?? 0) + 1);
      this.#heard.serves(id, Number(forMs));
    });
    connection.on('error', () => {});
    connection.on('close', () => {
      this.#connections.delete(connection);
      if (id === null) return;
      this.#disconnected(id);
      if (!this.#stopped) this.#heard.ended(id);
    });
  }

  #disconnected(id: string): void {
    const left = (this.#connected.get(id) ?? 0) - 1;
    if (left > 0) this.#connected.set(id, left);
    else this.#connected.delete(id);
  }
}

function nameOne(home: string): string {
  return socketPath(home, `${FOLDER}/${randomBytes(4).toString('hex')}.sock`);
}

function bind(path: string, hear: (connection: Socket) => void): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer(hear).unref();
    // Kept: one that cannot be accepted is an error too, and no reason to end.
    server.on('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** Removes the sockets of reconcilers that were killed. */
async function removeAbandoned(home: string): Promise<void> {
  for (const path of deathSockets(home)) {
    if (!(await answers(path))) rmSync(path, { force: true });
  }
}

export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(path);
    const settle = (does: boolean) => {
      connection.destroy();
      resolve(does);
    };
    connection.once('connect', () => settle(true));
    connection.once('error', () => settle(false));
  });
}
