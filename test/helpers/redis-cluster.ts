import { freePort, startRedis, type TestRedis } from './redis.ts';
import { askOnce, PASSWORD, type ReplicatedRedis } from './replicated-redis.ts';
import { until } from './until.ts';

const NAMESPACE = 'meow';
const MASTERS = 3;
const SLOTS = 16_384;
const NODE_TIMEOUT_MS = 1_000;

/** Three masters and a replica of each, of one test file. */
export interface RedisCluster extends ReplicatedRedis {
  readonly nodes: readonly TestRedis[];
}

export async function startCluster(): Promise<RedisCluster> {
  const [first, ...others] = await Promise.all(Array.from({ length: 2 * MASTERS }, startNode));
  if (!first) throw new Error('no node');
  const nodes = [first, ...others];
  const redises = nodes.map(({ redis }) => redis);
  const ask = (node: TestRedis, ...words: (string | number)[]) =>
    askOnce(node.port, PASSWORD, words);
  await join(nodes, ask);
  /** What each of them says of all, but for one that may not answer. */
  const view = async (gone: TestRedis | null = null) => {
    const asked = redises
      .filter((node) => node !== gone)
      .map((node) => ask(node, 'CLUSTER', 'NODES').catch(() => null));
    return (await Promise.all(asked)).filter((each) => each !== null).map(String);
  };
  const key = `{${NAMESPACE}}:servers`;
  const slot = Number(await ask(first.redis, 'CLUSTER', 'KEYSLOT', key));
  const named = async (gone: TestRedis | null = null) => {
    const ports = (await view(gone)).map((text) => ownerIn(text, slot));
    const port = ports.find(
      (one) => 2 * ports.filter((each) => each === one).length > ports.length,
    );
    return redises.find((each) => each.port === port);
  };
  const primary = () => until('the cluster agrees on who has our keys', () => named());
  const replica = async () => {
    const { port } = await primary();
    const [text = ''] = await view();
    const found = redises.find((each) => followsIn(text, each.port, port));
    if (!found) throw new Error(`${port} has no replica`);
    return found;
  };
  const movedFrom = (node: TestRedis) =>
    until('another owner', async () => {
      const now = await named(node);
      return now === node ? null : now;
    });
  const whole = () =>
    until('the cluster is whole', async () => {
      const texts = await view();
      return texts.length === redises.length && texts.every(isWhole) && everyLinkIsUp(redises, ask);
    });
  await whole();
  return {
    url: `redis+cluster://:${PASSWORD}@${redises.map(({ port }) => `127.0.0.1:${port}`)}`,
    env: {},
    nodes: redises,
    primary,
    replica,
    ask,
    movedFrom,
    whole: async () => void (await whole()),
    async failover() {
      const before = await primary();
      await ask(await replica(), 'CLUSTER', 'FAILOVER');
      return movedFrom(before);
    },
    async stop() {
      await Promise.all(redises.map((each) => each.stop()));
    },
  };
}

interface Node {
  readonly redis: TestRedis;
  readonly busPort: number;
}

async function startNode(): Promise<Node> {
  const busPort = await freePort();
  const redis = await startRedis([
    ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
    ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-diskless-sync-delay', '0'],
    ...['--cluster-replica-validity-factor', '0'],
    ...['--requirepass', PASSWORD, '--masterauth', PASSWORD],
  ]);
  return { redis, busPort };
}

type Ask = RedisCluster['ask'];

async function join(nodes: readonly Node[], ask: Ask): Promise<void> {
  const [{ redis: first }] = nodes as [Node];
  for (const { redis, busPort } of nodes) {
    await ask(first, 'CLUSTER', 'MEET', '127.0.0.1', redis.port, busPort);
  }
  const knows = async ({ redis }: Node) =>
    String(await ask(redis, 'CLUSTER', 'INFO')).includes(`known_nodes:${nodes.length}`);
  await until('they know each other', async () => {
    return (await Promise.all(nodes.map(knows))).every(Boolean);
  });
  await Promise.all(
    nodes.slice(0, MASTERS).map(async ({ redis }, at) => {
      const from = Math.ceil((at * SLOTS) / MASTERS);
      const to = Math.ceil(((at + 1) * SLOTS) / MASTERS) - 1;
      const id = await ask(redis, 'CLUSTER', 'MYID');
      await ask(redis, 'CLUSTER', 'ADDSLOTSRANGE', from, to);
      const replica = nodes[MASTERS + at]?.redis;
      await until('it follows', () =>
        ask(replica as TestRedis, 'CLUSTER', 'REPLICATE', String(id)).catch(() => null),
      );
    }),
  );
}

// `id host:port@bus flags master ping pong epoch link slots…`
function linesOf(text: string): string[][] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split(' '));
}

const portIn = (address = '') => Number(/:(\d+)@/.exec(address)?.[1]);

function ownerIn(text: string, slot: number): number | null {
  for (const [, address, flags = '', , , , , , ...slots] of linesOf(text)) {
    const isOurs = slots.some((range) => {
      const [from, to] = range.split('-').map(Number);
      return from !== undefined && from <= slot && slot <= (to ?? from);
    });
    if (isOurs && !flags.includes('fail')) return portIn(address);
  }
  return null;
}

function followsIn(text: string, port: number, master: number): boolean {
  const lines = linesOf(text);
  const id = lines.find(([, address]) => portIn(address) === master)?.[0];
  return lines.some(([, address, , of]) => portIn(address) === port && of === id);
}

function isWhole(text: string): boolean {
  const flags = linesOf(text).map(([, , each = '']) => each);
  if (flags.some((each) => each.includes('fail') || each.includes('handshake'))) return false;
  return flags.filter((each) => each.includes('slave')).length === MASTERS;
}

async function everyLinkIsUp(redises: readonly TestRedis[], ask: Ask): Promise<boolean> {
  const infos = await Promise.all(redises.map((node) => ask(node, 'INFO', 'replication')));
  const states = await Promise.all(redises.map((node) => ask(node, 'CLUSTER', 'INFO')));
  return (
    infos.every((info) => !String(info).includes('master_link_status:down')) &&
    states.every((state) => String(state).includes('cluster_state:ok'))
  );
}
