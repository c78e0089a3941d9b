import { startRedis, type TestRedis } from './redis.ts';
import { askOnce, PASSWORD, type ReplicatedRedis } from './replicated-redis.ts';
import { until } from './until.ts';

export const MASTER = 'cats';
/** The sentinels' own: they take nobody who knows that of Redis alone. */
export const SENTINEL_PASSWORD = 'watch-this';

/** A primary, its replica, and three sentinels that watch them, all of one test file. */
export interface SentinelSet extends ReplicatedRedis {
  /** Each wants `SENTINEL_PASSWORD`. */
  readonly sentinels: readonly TestRedis[];
}

const DOWN_AFTER_MS = 500;
const SECRETS = ['--requirepass', PASSWORD, '--masterauth', PASSWORD];
const FAST = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];

export async function startSentinels(): Promise<SentinelSet> {
  const first = await startRedis([...SECRETS, ...FAST]);
  const follow = ['--replicaof', `127.0.0.1 ${first.port}`];
  const second = await startRedis([...SECRETS, ...FAST, ...follow]);
  const nodes = [first, second];
  const sentinels = await Promise.all(
    [1, 2, 3].map(() => startRedis(['--sentinel'], configOf(first.port))),
  );
  const ask = (node: TestRedis, ...words: (string | number)[]) => {
    const password = sentinels.includes(node) ? SENTINEL_PASSWORD : PASSWORD;
    return askOnce(node.port, password, words);
  };
  // The epoch counts: one that was stopped may be behind.
  const named = async () => {
    const asked = sentinels.map((each) =>
      ask(each, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER).catch(() => null),
    );
    const ports = (await Promise.all(asked)).map((told) => Number((told as string[] | null)?.[1]));
    return nodes.find(({ port }) => ports.filter((each) => each === port).length >= 2);
  };
  const primary = () => until('the sentinels agree on a primary', named);
  const replica = async () => ((await primary()) === first ? second : first);
  const whole = async () => {
    await until('the replica follows', async () => {
      const [to, node] = [await primary(), await replica()];
      const info = await ask(node, 'INFO', 'replication').catch(() => '');
      // The sentinels would tell it too, but only after 10 s.
      if (String(info).includes('role:master')) {
        await ask(node, 'REPLICAOF', '127.0.0.1', to.port);
      }
      return String(info).includes('master_link_status:up');
    });
    await until('the sentinels know each other and the replica', async () => {
      const known = sentinels.map((each) => ask(each, 'SENTINEL', 'MASTER', MASTER));
      return (await Promise.all(known)).every(isComplete);
    });
  };
  const movedFrom = (node: TestRedis) =>
    until('another primary', async () => {
      const now = await named();
      return now === node ? null : now;
    });
  await whole();
  return {
    url: `redis+sentinel://:${PASSWORD}@${sentinels.map(({ port }) => `127.0.0.1:${port}`)}/${MASTER}`,
    env: { MEOW_SENTINEL_PASSWORD: SENTINEL_PASSWORD },
    sentinels,
    primary,
    replica,
    ask,
    movedFrom,
    whole,
    async failover() {
      const before = await primary();
      const [sentinel] = sentinels as [TestRedis];
      await until('a failover is begun', () =>
        ask(sentinel, 'SENTINEL', 'FAILOVER', MASTER).catch(() => null),
      );
      return movedFrom(before);
    },
    async stop() {
      await Promise.all([...sentinels, ...nodes].map((each) => each.stop()));
    },
  };
}

function configOf(port: number): string[] {
  return [
    `requirepass ${SENTINEL_PASSWORD}`,
    `sentinel sentinel-pass ${SENTINEL_PASSWORD}`,
    `sentinel monitor ${MASTER} 127.0.0.1 ${port} 2`,
    `sentinel auth-pass ${MASTER} ${PASSWORD}`,
    `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${MASTER} 2000`,
  ];
}

function isComplete(reply: unknown): boolean {
  const words = (reply as unknown[]).map(String);
  const field = (name: string) => words[words.indexOf(name) + 1];
  const flags = field('flags') === 'master';
  return flags && field('num-slaves') === '1' && field('num-other-sentinels') === '2';
}
