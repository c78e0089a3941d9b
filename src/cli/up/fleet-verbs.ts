import type { FleetVerbs } from '../../admin/changes/change-routes.ts';
import { defaults } from '../../defaults.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { openDesiredState, serverProgram } from '../context/fleet-deps.ts';
import { settle } from '../context/settle.ts';
import { whatToSpawn } from '../context/what-to-spawn.ts';
import { serversInWords } from '../output/rows.ts';

const { drainMs } = defaults;

/**
 * What the page and `top` may do to this host's servers: the verbs of the same names, with their
 * defaults.
 * @param by who did it, for the events; the user is the process's own
 */
export function fleetVerbs(
  context: Context,
  { store, url }: OpenStore,
  by: 'page' | 'top',
): FleetVerbs {
  const { home, advertise, serverHost } = context.config;
  const registry = store.registryBy(by);
  const open = { store: { ...store, registry }, url };

  return {
    async spawn(count, progress) {
      await settle(context, open, null);
      const { spawnServers } = await import('../../fleet/spawn/spawn.ts');
      const spec = await whatToSpawn(context, open, null);
      const { started, failed } = await spawnServers(
        { registry, ...serverProgram(context, open) },
        {
          ...{ count, spec, fixedPort: null, listenHost: serverHost, advertise },
          ...{ readyTimeoutMs: spec.readyMs ?? defaults.readyTimeoutMs, ...progress },
        },
      );
      return { summary: `${serversInWords(started.length)} started`, failed };
    },

    async destroy(id, force, progress) {
      const { destroyServers } = await import('../../fleet/destroy/destroy.ts');
      const { gone, failed } = await destroyServers(
        { registry, home, settings: defaults },
        { targets: [id], all: false, force, drainMs, ...progress },
      );
      return { summary: gone.length > 0 ? `server ${id} is gone` : '', failed };
    },

    async restart(targets, progress) {
      await settle(context, open, null);
      const { restartServers } = await import('../../fleet/restart/roll.ts');
      const { started, failed, superseded } = await restartServers(await everyday(context, open), {
        targets,
        batch: 1,
        force: false,
        change: null,
        drainMs,
        ...progress,
      });
      if (superseded > 0) {
        progress.say(`somebody else replaced or took out ${serversInWords(superseded)} first`);
      }
      return { summary: `${serversInWords(started.length)} replaced`, failed };
    },

    async scale(count, progress) {
      await settle(context, open, null);
      const { scaleTo } = await import('../../fleet/scale/scale.ts');
      const deps = await everyday(context, open);
      const { serving, started, retired, failed } = await scaleTo(deps, {
        ...{ count, asked: null, ...progress },
      });
      const summary = `${serving.length} serve here: ${started.length} started, ${retired.length} retired`;
      return { summary, failed };
    },
  };
}

async function everyday(context: Context, open: OpenStore) {
  const { thisMachine } = await import('../../process/identity.ts');
  return {
    registry: open.store.registry,
    desired: await openDesiredState(context, open),
    machine: thisMachine(context.config.home),
    ...serverProgram(context, open),
  };
}
