import { defaults } from '../../defaults.ts';
import { StoreError } from '../../errors.ts';
import type { Settings } from '../../settings.ts';
import { hostsOf, type RedisAddress } from '../../store/connection/redis-address.ts';
import { parseRedisUrl } from '../../store/connection/redis-url.ts';
import type { Store } from '../../store/store.ts';
import type { Output } from '../output/output.ts';

const LOOPBACK = /^(127\.|::1$|localhost$)/;

interface RedisNeeds {
  /** Whether a local one is started where none answers. */
  readonly start?: boolean;
  /** Whether one that does not answer will do. */
  readonly mayBeAway?: boolean;
  /** How long an answer of one here may take, where that is less than usual. */
  readonly answerMs: number;
}

/** Which Redis this run uses: REDIS_URL, else the local one, else the usual address. */
export async function chooseRedis(
  config: Settings,
  output: Output,
  { start = false, mayBeAway = false, answerMs }: RedisNeeds,
): Promise<string> {
  if (config.redisUrl !== null) {
    warnIfOpen(parseRedisUrl(config.redisUrl), output);
    return config.redisUrl;
  }
  const { ensureRedis, findRedis } = await import('../../local-redis/run.ts');
  const where = {
    home: config.home,
    probeUrl: config.redisProbeUrl,
    env: config.childEnv,
    settings: {
      ...defaults,
      localRedisAnswerMs: Math.min(defaults.localRedisAnswerMs, answerMs),
    },
  };
  const found = start ? await ensureRedis(where) : await findRedis(where);
  if (found && 'started' in found && found.started) {
    output.talk(`started a local Redis at ${parseRedisUrl(found.url).label}`);
  }
  const busy = found?.source === 'local' ? null : await busyLocal(config);
  if (busy !== null) return busy;
  if (found) return found.url;
  if (mayBeAway) return await lastUsed(config);
  throw await nobodyAnswers(config);
}

/** Leases and pictures are all that a fleet has; a Redis that is a cache loses them without a word. */
export async function warnOfEviction(store: Store, output: Output): Promise<void> {
  const eviction = await store.eviction();
  if (!eviction) return;
  const when = eviction.limited ? 'when it is full' : 'once it has a maxmemory and is full';
  output.talk(
    `meowctl: warning: Redis at ${store.label} has maxmemory-policy ${eviction.policy}: ${when}, it loses servers and pictures; set it to noeviction`,
  );
}

/** The local Redis, where its process lives and only was too slow to answer: who connects has more patience. */
async function busyLocal({ home }: Settings): Promise<string | null> {
  const [{ isRun, localAddress }, { readRun }] = await Promise.all([
    import('../../local-redis/recorded-run.ts'),
    import('../../local-redis/files.ts'),
  ]);
  const run = readRun(home);
  return run && isRun(home, run) ? localAddress(home) : null;
}

/** Where the local Redis was, as it comes back there. */
async function lastUsed({ home, redisProbeUrl }: Settings): Promise<string> {
  const { localAddress } = await import('../../local-redis/recorded-run.ts');
  return localAddress(home) ?? redisProbeUrl;
}

async function nobodyAnswers({ home, redisProbeUrl }: Settings): Promise<StoreError> {
  const [{ findUp }, { thisMachine }] = await Promise.all([
    import('../../fleet/up/mark.ts'),
    import('../../process/identity.ts'),
  ]);
  const { label } = parseRedisUrl(redisProbeUrl, 'MEOW_REDIS_PROBE');
  // An `up` that runs refuses a second one.
  const verb = findUp(home, thisMachine(home)) ? 'spawn' : 'up';
  return new StoreError(
    'unavailable',
    `no Redis answers: REDIS_URL is not set, no local one runs, and none is at ${label}`,
    `Start one with \`meowctl ${verb}\`, or set REDIS_URL`,
  );
}

function warnIfOpen(address: RedisAddress, output: Output): void {
  const { tls, password, label } = address;
  const here = hostsOf(address).every(({ host }) => LOOPBACK.test(host));
  if (here || tls || password) return;
  output.talk(`meowctl: warning: Redis at ${label} is on another host, without TLS or password`);
}
