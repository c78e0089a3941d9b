import { expect, test } from 'vitest';
import type { DoorFlags } from '../../../src/cli/up/open-door.ts';
import { placed, placesOf, sharedSockets } from '../../../src/cli/up/places.ts';
import { SOCKET_NAMES, type SocketName } from '../../../src/handover/conversation.ts';

/** What `--take-over` is told besides its ports. */
const flags = (more: Partial<DoorFlags> = {}): DoorFlags => ({
  ...{ port: 3000, host: '127.0.0.1', balance: 'round-robin', retry: 'idempotent', workers: 1 },
  ...{ engine: 'embedded', figures: true, redirectHttp: 3080 },
  ...{ admin: true, adminHost: '127.0.0.1', adminPort: 3900 },
  ...more,
});
const older = (inherited: readonly SocketName[] = [], more: Partial<DoorFlags> = {}) => ({
  places: placesOf(flags(more)),
  inherited,
});

test('one that asks for the same has all the sockets of the older one', () => {
  expect(placed(older(), flags(), [])).toEqual(flags());
  expect(sharedSockets(older().places, flags())).toEqual([...SOCKET_NAMES]);
});

test.each<[string, Partial<DoorFlags>, readonly SocketName[]]>([
  ['the door at another port', { port: 1, host: '0.0.0.0', redirectHttp: 2 }, ['admin']],
  ['the admin listener elsewhere', { adminHost: '::', adminPort: 1 }, ['door', 'redirect']],
  ['no admin listener', { admin: false }, ['door', 'redirect']],
])('one that wants %s listens there anew, and has the rest', (_, more, shared) => {
  const wanted = flags(more);
  expect(placed(older(), wanted, [])).toEqual(wanted);
  expect(sharedSockets(older().places, wanted)).toEqual(shared);
});

test.each<[Partial<DoorFlags>, Partial<DoorFlags>, string, string]>([
  [
    { host: '0.0.0.0' },
    {},
    '--host 0.0.0.0: the door that is to be taken over listens on 127.0.0.1',
    'Leave it at --host 127.0.0.1, or take another --port with it',
  ],
  [
    { adminHost: '::1' },
    {},
    '--admin-host ::1: the admin listener that is to be taken over listens on 127.0.0.1',
    'Leave it at --admin-host 127.0.0.1, or take another --admin-port with it',
  ],
  [
    { host: '0.0.0.0', port: 1 },
    {},
    '--host 0.0.0.0: what sends plain HTTP on that is to be taken over listens on 127.0.0.1',
    'Leave it at --host 127.0.0.1, or take another --redirect-http with it',
  ],
])('a socket cannot move to another address on its port: %j', (more, before, message, remedy) => {
  const taking = () => placed(older([], before), flags(more), []);
  expect(taking).toThrow(expect.objectContaining({ message, remedy }));
});

test('a socket that came from elsewhere stays what it is, whatever is asked for; others do as they are told', () => {
  const asked = flags({ port: 1, host: '::', adminHost: '::', adminPort: 2, redirectHttp: 3 });
  expect(placed(older(['door']), asked, [])).toEqual({ ...asked, port: 3000, host: '127.0.0.1' });
  expect(placed(older(['admin']), asked, [])).toEqual({
    ...asked,
    ...{ adminHost: '127.0.0.1', adminPort: 3900 },
  });
});

test('a socket that came to itself counts before that of the older one', () => {
  const own = flags({ host: '0.0.0.0', redirectHttp: 1 });
  expect(placed(older(['door'], { host: '127.0.0.1' }), own, ['door'])).toEqual(own);
});
