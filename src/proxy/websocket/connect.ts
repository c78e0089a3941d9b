import { Socket } from 'node:net';
import { debug } from '../../debug.ts';
import { type OwnAnswer, own } from '../client/own-response.ts';
import { type DoorContext, pickUpstream } from '../exchange/context.ts';
import { moreRoom, ownRoom, tellPool } from '../exchange/shared.ts';
import { untilStarted } from '../exchange/start-queue.ts';
import type { Affinity } from '../sticky/cookie.ts';
import { judgeFailure } from '../upstream/failure.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** A server that took the connection. It counts as one of its requests from here on. */
export interface Found {
  readonly upstream: Upstream;
  readonly socket: Socket;
  readonly tried: readonly Upstream[];
}

/**
 * Connects to the next server, or the next after that: nothing was sent, so any may be tried.
 * Gives what to answer when none took the connection, null when the client left meanwhile.
 */
export async function findServer(
  context: DoorContext,
  client: Socket,
  affinity: Affinity | null = null,
): Promise<Found | OwnAnswer | null> {
  const { retries } = context.options;
  const tried: Upstream[] = [];
  await ownPlace(context, affinity);
  while (tried.length <= retries && !client.destroyed) {
    const upstream = pickUpstream(context, tried, affinity);
    if (!upstream && (await mayBeSoon(context, client, tried))) continue;
    if (!upstream) break;
    tried.at(-1)?.tally.retried('unconnected');
    tried.push(upstream);
    debug.proxy?.(`a WebSocket goes to ${upstream.id} ${upstream.url}`);
    const result = await connect(upstream, client);
    if (result instanceof Socket) return keep({ upstream, socket: result, tried }, client);
    const { failure, why } = judgeFailure(result, false, false);
    debug.proxy?.(`a WebSocket failed at ${upstream.id}, ${failure}: ${why}`);
    if (failure === 'short') return own.doorShort;
    tellPool(context, upstream, failure, result, why);
  }
  if (client.destroyed) return null;
  if (tried.length > 0) return own.badGateway;
  const { pool } = context;
  if (pool.routable().length > 0) return own.allBusy;
  return pool.all().some(({ state }) => state === 'failed') ? own.badGateway : own.noServers;
}

async function ownPlace(context: DoorContext, affinity: Affinity | null): Promise<void> {
  // What one question brings may be another's by now.
  while (affinity && (await ownRoom(context, [], affinity)));
}

/** Whether to look again: a server was started, or another worker has given up a place at one. */
async function mayBeSoon(context: DoorContext, client: Socket, tried: readonly Upstream[]) {
  return (await untilStarted(context.starts, client)) || (await moreRoom(context, tried));
}

function keep(found: Found, client: Socket): Found | null {
  if (!client.destroyed) return found;
  found.upstream.inflight -= 1;
  found.socket.destroy();
  return null;
}

function connect(upstream: Upstream, client: Socket): Promise<Socket | Error> {
  upstream.inflight += 1;
  upstream.queued += 1;
  return new Promise((resolve) => {
    const socket = new Socket();
    const left = () => socket.destroy(new Error('the client left'));
    client.once('close', left);
    upstream.connections.open(socket, (error) => {
      client.off('close', left);
      upstream.queued -= 1;
      if (error) upstream.inflight -= 1;
      resolve(error ?? socket);
    });
  });
}
