import type { TestRedis } from './redis.ts';
import type { RedisCluster } from './redis-cluster.ts';
import { until } from './until.ts';

const MIGRATE_MS = 5_000;
const MANY = 1_000;

/** One slot on its way from one master to another, as `redis-cli --cluster reshard` moves it. */
export interface SlotMove {
  readonly from: TestRedis;
  readonly to: TestRedis;
  /** Both know that it is on its way. */
  begin(): Promise<void>;
  /** Takes over keys: those of these names, or all that are left. */
  take(keys?: readonly string[]): Promise<void>;
  /** It belongs to the other one now. */
  end(): Promise<void>;
}

/** The move of the slot of a namespace that has keys already. */
export async function moveSlot(
  cluster: RedisCluster,
  namespace: string,
  password: string,
): Promise<SlotMove> {
  const { nodes, ask } = cluster;
  const [any] = nodes as [TestRedis];
  const slot = Number(await ask(any, 'CLUSTER', 'KEYSLOT', `{${namespace}}:servers`));
  const roles = await Promise.all(
    nodes.map(async (node) => ({
      node,
      isMaster: String(await ask(node, 'INFO', 'replication')).includes('role:master'),
      keys: Number(await ask(node, 'CLUSTER', 'COUNTKEYSINSLOT', slot)),
    })),
  );
  const masters = roles.filter(({ isMaster }) => isMaster);
  const from = masters.find(({ keys }) => keys > 0)?.node;
  const to = masters.find(({ node }) => node !== from)?.node;
  if (!from || !to) throw new Error(`nobody has keys of ${namespace}`);
  const [fromId, toId] = (await Promise.all(
    [from, to].map((node) => ask(node, 'CLUSTER', 'MYID')),
  )) as [string, string];
  const left = async () =>
    (await ask(from, 'CLUSTER', 'GETKEYSINSLOT', slot, MANY)) as readonly string[];
  return {
    from,
    to,
    async begin() {
      await ask(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
      await ask(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
    },
    async take(keys) {
      const names = keys ?? (await left());
      const place = ['127.0.0.1', to.port, '', 0, MIGRATE_MS, 'AUTH', password] as const;
      if (names.length > 0) await ask(from, 'MIGRATE', ...place, 'KEYS', ...names);
    },
    async end() {
      for (const node of [to, from]) await ask(node, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      await until('all know it', async () => {
        const asked = nodes.map((node) => ask(node, 'CLUSTER', 'SHARDS'));
        return (await Promise.all(asked)).every((shards) => ownerOf(shards, slot) === toId);
      });
    },
  };
}

// Of each shard: `slots`, from and to in turn, and `nodes`, each a list of names and values.
function ownerOf(shards: unknown, slot: number): string | undefined {
  for (const shard of shards as unknown[][]) {
    const slots = field(shard, 'slots') as number[];
    const isOurs = slots.some(
      (from, at) => at % 2 === 0 && from <= slot && slot <= (slots[at + 1] ?? 0),
    );
    const masters = (field(shard, 'nodes') as unknown[][]).filter(
      (node) => field(node, 'role') === 'master',
    );
    if (isOurs) return String(field(masters[0] ?? [], 'id'));
  }
  return undefined;
}

function field(cells: readonly unknown[], name: string): unknown {
  return cells[cells.indexOf(name) + 1];
}
