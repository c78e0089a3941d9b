import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { defaults } from '../../../src/defaults.ts';
import { moveSlot } from '../../helpers/move-slot.ts';
import type { TestRedis } from '../../helpers/redis.ts';
import { type RedisCluster, startCluster } from '../../helpers/redis-cluster.ts';
import { PASSWORD } from '../../helpers/replicated-redis.ts';
import { sampleDesired, sampleRecord } from '../../helpers/store.ts';
import { until } from '../../helpers/until.ts';
import { failure, openStores, type Stores, survives } from './survivor.ts';

let cluster: RedisCluster;
let stores: Stores;

beforeAll(async () => {
  cluster = await startCluster();
  stores = openStores(cluster.url);
});
afterAll(async () => {
  await stores.close();
  await cluster.stop();
});

const yes = () => true;
const no = () => false;
const at = ({ port }: { readonly port: number }) => `127.0.0.1:${port}`;

describe('a Redis Cluster', () => {
  test('is entered by any of its nodes, and all of a fleet is on the one that has its keys', async () => {
    const primary = await cluster.primary();
    for (const node of cluster.nodes) {
      const { store } = await stores.open({ url: `redis+cluster://:${PASSWORD}@${at(node)}` });
      await store.registry.register(sampleRecord({ id: 'abc234', port: node.port }), null);
    }
    expect(await cluster.ask(primary, 'HLEN', '{meow}:servers')).toBe(1);
  });

  test('takes every kind of script: none touches a key of another slot', async () => {
    const { store, said } = await stores.open({ namespace: 'scripts' });
    const { registry, desiredServers, images, visits, messages, events } = store;
    const id = 'abc234';
    await registry.register(sampleRecord({ id }), sampleDesired());
    await registry.beat(sampleRecord({ id }), sampleDesired());
    await registry.acknowledge(id, 'door23');
    expect(await registry.orderRetireUnlessLast(id, 1)).toBe('last');
    expect(await registry.orderRetireIfDesired(id, 1)).toBe('ordered');
    await Promise.all([registry.id(), registry.around(), registry.silence(), registry.sweep(1)]);
    expect(await registry.deregister(id)).toBe(true);
    expect(await desiredServers.keep('host', 'token')).toBe(true);
    expect(await desiredServers.release('host', 'token')).toBe(true);
    await images.enqueue([{ data: Buffer.from('x'), type: 'image/png', name: 'x.png' }]);
    const first = await images.claim('one');
    expect(await images.putBack(first?.id ?? '', first?.claim ?? '')).toBe(true);
    const second = await images.claim('two');
    expect(await images.renew(second?.id ?? '', second?.claim ?? '')).toBe(true);
    expect(await images.acknowledge(second?.id ?? '', second?.claim ?? '', 5_000)).toBe(true);
    expect(await images.putBackFor(['two'])).toEqual([true]);
    expect([(await images.peek())?.name, await images.requeueExpired()]).toEqual(['x.png', 0]);
    expect((await images.list(5)).map(({ name }) => name)).toEqual(['x.png']);
    expect(await visits.recordAndRead('/cats')).toEqual(['/cats']);
    await messages.set('message', 'hi', 60);
    expect(await messages.get('message')).toMatchObject({ message: 'hi' });
    expect((await events.read({ limit: 5 })).map(({ kind }) => kind)).toContain('ordered');
    expect(said).toEqual([]);
  });

  test('has fleets of two namespaces on two nodes, each whole', async () => {
    const { store } = await stores.open({ namespace: 'woof' });
    await store.registry.register(sampleRecord(), null);
    const { servers } = await store.registry.fleet();
    expect(servers.map(({ record }) => record.id)).toEqual(['abc234']);
  });

  test('tells whoever names one node alone what to write instead', async () => {
    const primary = await cluster.primary();
    const wrong = cluster.nodes.find((node) => node !== primary) ?? primary;
    const { store } = await stores.open({ url: `redis://:${PASSWORD}@${at(wrong)}` });
    const error = await failure(store.messages.set('a', 'b', 10));
    expect(error).toMatchObject({ kind: 'refused', exitCode: 4 });
    expect(error.message).toMatch(/is one node of a cluster, and our keys are on another: "/);
    expect(error.remedy).toContain('redis+cluster://');
  });

  test('goes on over CLUSTER FAILOVER and kill -9, with subscriptions, events and a known heir', async () => {
    const seed = await cluster.primary();
    const url = `redis+cluster://:${PASSWORD}@${at(seed)}`;
    await survives(cluster, await stores.open({ url }));
  });

  test('whose slot moves to another master is followed there, and meanwhile says so', async () => {
    const namespace = 'moving';
    const url = `redis+cluster://:${PASSWORD}@${cluster.nodes.map(at)}`;
    const { store, said } = await stores.open({ url, namespace });
    const { registry, messages } = store;
    const hints: (string | null)[] = [];
    onTestFinished(registry.watch((id) => hints.push(id)));
    const id = await registry.id();
    await registry.register(sampleRecord(), null);
    await messages.set('before', 'here', 600);
    const move = await moveSlot(cluster, namespace, PASSWORD);
    const owner = async (node: TestRedis) => cluster.ask(node, 'GET', `{${namespace}}:message:now`);

    await move.begin();
    expect(await messages.get('before')).toMatchObject({ message: 'here' });
    const midway = await failure(messages.set('new', 'one', 600));
    expect([midway.kind, midway.message]).toEqual([
      'unavailable',
      expect.stringMatching(/ is moving our keys to another node$/),
    ]);
    await move.take([`{${namespace}}:leases`]);
    const between = await failure(registry.beat(sampleRecord(), null));
    expect([between.kind, between.message]).toEqual([midway.kind, midway.message]);
    await move.take();
    await move.end();

    await until('it is written to', () => messages.set('now', 'there', 600).then(yes, no));
    expect(await owner(move.to)).toBe('there');
    await registry.beat(sampleRecord(), null);
    const { servers } = await registry.fleet();
    expect([servers.length, await registry.id()]).toEqual([1, id]);
    await until('a hint is heard', async () => {
      await cluster.ask(move.to, 'PUBLISH', `{${namespace}}:changes`, 'moved');
      return hints.includes('moved');
    });
    expect(said.filter((line) => / is back$/.test(line)).length).toBeLessThanOrEqual(
      said.length / 2,
    );
    expect(said.at(-1)).toMatch(/ is back$/);
  });

  test('that moves a picture away while it is overdue loses none of it', async () => {
    const namespace = 'overdue';
    const settings = { ...defaults, deliveryMs: 1 };
    const { store } = await stores.open({ namespace, settings });
    const { images } = store;
    const picture = (name: string) => ({
      data: Buffer.from('x'),
      type: 'image/png' as const,
      name,
    });
    await images.enqueue([picture('stays.png'), picture('goes.png')]);
    const taken = await images.claim('one');
    expect(taken?.name).toBe('goes.png');
    const move = await moveSlot(cluster, namespace, PASSWORD);
    await move.begin();
    await move.take([`{${namespace}}:image:${taken?.id}`]);
    const error = await failure(images.requeueExpired());
    expect([error.kind, error.message]).toEqual([
      'unavailable',
      expect.stringMatching(/ is moving our keys to another node$/),
    ]);
    await move.take();
    await move.end();
    await until('it is there again', () => images.requeueExpired().then(yes, no));
    expect((await images.list(5)).map(({ name }) => name)).toEqual(['goes.png', 'stays.png']);
  });

  test('whose nodes are all gone is told with each of them', async () => {
    const url = `redis+cluster://:${PASSWORD}@127.0.0.1:1,127.0.0.1:2`;
    const error = await failure(stores.open({ url }));
    expect([error.kind, error.exitCode]).toEqual(['unavailable', 4]);
    expect(error.message).toMatch(/^no node of the cluster has our keys: .*:1 .* refused.*:2 /);
  });

  test('that wants another password says so', async () => {
    const url = `redis+cluster://:wrong@${at(await cluster.primary())}`;
    const error = await failure(stores.open({ url }));
    expect([error.kind, error.exitCode]).toEqual(['refused', 4]);
    expect(`${error.message} ${error.remedy}`).toMatch(/refused the password .*REDIS_URL/);
  });
});
