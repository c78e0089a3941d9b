import { existsSync } from 'node:fs';
import { toMeowError } from '../../errors.ts';
import type { FleetView } from '../../model/fleet-view.ts';
import { isVariableName } from '../../model/variables.ts';
import { readHostFile } from '../../state/host-id.ts';
import type { Context } from '../context/context.ts';
import { listFleet, type Row } from '../output/rows.ts';
import type { Candidate, CompletionSource } from './candidates.ts';

/** The user waits for completion: each step towards Redis takes no longer, or nothing is offered from there. */
const PATIENCE_MS = 500;
const MAX_CANDIDATES = 1_000;
const MAX_ABOUT = 70;
/** A path from Redis is offered only if all its characters are plain to every shell. */
const PLAIN_PATH = /^\/[A-Za-z0-9_.,@%+=/-]+$/;
/** What is cut from a description out of Redis: it is only shown, but nothing in it could run either. */
const NOT_WORDS = /[^\p{L}\p{N} ,.:;/@_+=()-]+/gu;

/** What Redis and the state folder know; nothing where they do not answer. */
export function createCompletionSource(context: Context): CompletionSource {
  let looking: Promise<FleetView | null> | null = null;
  const look = () => (looking ??= lookOnce(context));
  const rows = async () => {
    const fleet = await look();
    return fleet ? listFleet(fleet).slice(0, MAX_CANDIDATES) : [];
  };

  return {
    async servers(verb) {
      const all = await rows();
      const own = verb === 'restart' ? all.filter(isOf(context)) : all;
      return [...own.map(byId), ...own.filter(hasPort).map(byPort)];
    },
    async logs() {
      const [{ loggedIds }, { defaults }, known] = await Promise.all([
        import('../../logs/server-log.ts'),
        import('../../defaults.ts'),
        rows(),
      ]);
      const { home, namespace } = context.config;
      const about = new Map(known.map((row) => [row.id, byId(row).about]));
      const ids = loggedIds(home, namespace, defaults.namespace);
      return ids.map((value) => ({ value, about: about.get(value) ?? 'gone' }));
    },
    async apps() {
      const fleet = await look();
      const specs = [...(fleet?.desiredServers.values() ?? [])].map(({ spec }) => spec);
      const paths = specs.flatMap((spec) => (spec.kind === 'module' ? [spec.path] : []));
      const found = [...new Set(paths)].filter((path) => PLAIN_PATH.test(path) && existsSync(path));
      const cat = { value: 'cat', about: 'the built-in app' };
      return [cat, ...found.map((value) => ({ value, about: 'served now' }))];
    },
    async variables(of) {
      const here = Object.keys(context.config.childEnv);
      const names = of === 'here' ? here : (await rows()).flatMap(({ env = [] }) => env);
      const valid = [...new Set(names)].filter(isVariableName);
      return valid.sort().map((value) => ({ value, about: '' }));
    },
  };
}

async function lookOnce({ withStore }: Context): Promise<FleetView | null> {
  try {
    return await withStore(({ store }) => store.registry.fleet(), { withinMs: PATIENCE_MS });
  } catch (error) {
    toMeowError(error); // Redis is away, or REDIS_URL cannot be right: the verb says so
    return null;
  }
}

/** Where it cannot be told whose a server is, it is offered. */
function isOf({ config }: Context): (row: Row) => boolean {
  const own = readHostFile(config.home)?.id;
  return ({ hostId }) => own === undefined || hostId === undefined || hostId === own;
}

function hasPort({ http }: Row): boolean {
  return http !== false;
}

function byId({ id, port, state, app, http }: Row): Candidate {
  const where = http === false ? '' : `port ${port}, `;
  return { value: id, about: words(`${state}, ${where}${app}`) };
}

function byPort({ id, port, state, app }: Row): Candidate {
  return { value: String(port), about: words(`${id}, ${state}, ${app}`) };
}

function words(text: string): string {
  return text.replace(NOT_WORDS, ' ').slice(0, MAX_ABOUT);
}
