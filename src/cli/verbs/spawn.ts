import type { Command } from 'commander';
import { defaults } from '../../defaults.ts';
import { UsageError } from '../../errors.ts';
import type { AskedSpec } from '../../fleet/targets/app.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import type { Context, OpenStore } from '../context/context.ts';
import { serverProgram } from '../context/fleet-deps.ts';
import { settle } from '../context/settle.ts';
import { whatToSpawn } from '../context/what-to-spawn.ts';
import { type AppFlags, addAppFlags, addWorkerFlag, askedApp } from '../flags/app-flags.ts';
import { addOutputFlags, examples, type OutputFlags } from '../flags/help.ts';
import { keptApp } from '../flags/kept-app.ts';
import { addPlaceFlags } from '../flags/place-flags.ts';
import { addReadyTimeout, type ReadyFlags } from '../flags/time-limits.ts';
import { count } from '../flags/values.ts';
import { tellFailures } from '../output/print-failures.ts';
import { printRows } from '../output/print-rows.ts';
import { byPort, toRow } from '../output/rows.ts';
import { withSteps } from '../progress/shown.ts';

interface Options extends AppFlags, OutputFlags, ReadyFlags {
  readonly number?: number;
  readonly port?: number;
  readonly host?: string;
  readonly advertise?: string;
}

export function addSpawn(program: Command, context: Context): void {
  const verb = program
    .command('spawn')
    .description('start servers in the background, and wait until they serve')
    .usage('[options] [count] [-- program with {port}]')
    .argument('[count]', `how many, 1 to ${defaults.maxSpawnCount}`, count)
    .option('-n, --number <count>', 'how many, like [count]', count)
    .addHelpText(
      'after',
      examples(
        'meowctl spawn',
        'meowctl spawn 3',
        'meowctl spawn --port 3005',
        'meowctl spawn 2 --app ./server.js --env GREETING=hello',
        'meowctl spawn -- python3 -m http.server {port} --bind 127.0.0.1',
        'meowctl spawn --no-http -- node worker.js',
      ),
    )
    .action((desired: number | undefined, options: Options) => spawn(context, desired, options));
  addPlaceFlags(verb);
  addReadyTimeout(verb, 'how long it may take to be ready');
  addOutputFlags(verb, { json: 'an array of records', quiet: 'the urls' });
  addWorkerFlag(addAppFlags(verb));
}

async function spawn(context: Context, given: number | undefined, options: Options): Promise<void> {
  if (options.number !== undefined && given !== undefined) throw twoCounts(given, options.number);
  const number = options.number ?? given ?? 1;
  if (options.port !== undefined && number > 1) throw onePortOneServer(number);
  const asked = await keptApp(
    context,
    askedApp(context, options, { readyMs: options.readyTimeout }),
  );
  await context.withStore((open) => spawnMany(context, open, number, asked, options), {
    start: true,
    keeps: true,
  });
}

async function spawnMany(
  context: Context,
  open: OpenStore,
  number: number,
  given: AskedSpec | null,
  options: Options,
) {
  const { spawnServers } = await import('../../fleet/spawn/spawn.ts');
  const asked = await settle(context, open, given);
  const spec = await whatToSpawn(context, open, asked);
  const asWanted = {
    count: number,
    spec,
    fixedPort: options.port ?? null,
    listenHost: options.host ?? context.config.serverHost,
    advertise: options.advertise ?? context.config.advertise,
    readyTimeoutMs: patience(options.readyTimeout, spec),
    signal: context.interruption(),
  };
  const deps = { registry: open.store.registry, ...serverProgram(context, open) };
  const { started, failed } = await withSteps(context, (steps) =>
    spawnServers(deps, { ...asWanted, steps }),
  );
  const rows = started.map((record) => toRow(record)).sort(byPort);
  const { output } = context;
  await printRows(output, rows, options);
  tellFailures(failed, context, `${started.length} of ${number} servers started`);
}

/** As it was given once, where it is not given now. */
function patience(timeoutMs: number, { readyMs = timeoutMs }: AppSpec): number {
  return timeoutMs === defaults.readyTimeoutMs ? readyMs : timeoutMs;
}

function twoCounts(one: number, other: number): UsageError {
  return new UsageError(
    `counts of ${one} and of ${other}: -n says what [count] says`,
    'Use one of them',
  );
}

function onePortOneServer(number: number): UsageError {
  return new UsageError(
    `--port with a count of ${number}: one port serves one server`,
    'Leave --port out, and each takes the next free port',
  );
}
