import { type Admin, type AdminOptions, createAdmin } from '../../src/admin/admin.ts';
import type { FleetVerbs } from '../../src/admin/changes/change-routes.ts';
import { defaults } from '../../src/defaults.ts';
import { FailedError } from '../../src/errors.ts';
import type { Fleet, OpenDoor } from './door-fleet.ts';

export const TOKEN = 'the-token-of-this-test-and-of-no-other-one';

const refuse = () => Promise.reject(new FailedError('no-verbs', 'no verbs in this test', 'None'));
const noVerbs: FleetVerbs = { spawn: refuse, destroy: refuse, restart: refuse, scale: refuse };

/** The admin listener of a door of the test's, not yet listening. */
export function adminOf(
  { store }: Pick<Fleet, 'store'>,
  { door, url }: OpenDoor,
  options: Partial<AdminOptions> & Pick<AdminOptions, 'port'>,
  { verbs = noVerbs, log = () => {} }: { verbs?: FleetVerbs; log?: (line: string) => void } = {},
): Admin {
  const about = { id: door.id, url, host: 'here', pid: process.pid, startedAt: 0, version: '0' };
  return createAdmin(
    {
      door,
      about,
      isHere: () => true,
      verbs,
      store,
      log,
    },
    {
      ...{ ...defaults, host: '127.0.0.1', allowHosts: [], token: TOKEN, pageFolder: '/nowhere' },
      ...options,
    },
  );
}
