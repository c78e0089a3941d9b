// npm run bench [-- part…] [--node 24] [--against DIR] [--quick] [--json]. One table at the end; exit 1 if a figure was missed.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { installPeers } from './lib/peers.mjs';
import { missed, resultTable } from './lib/table.mjs';

const PARTS =
  'cli server pictures door door-memory engine metrics page program registry workers fleet loss before'.split(
    ' ',
  );
const USAGE = `npm run bench -- [part…] [--node 24] [--against DIR] [--quick] [--json]; parts: ${PARTS.join(' ')}`;
const DEFAULT_PARTS = ['cli', 'server', 'pictures'];

process.exitCode = await main(process.argv.slice(2));

async function main(argv) {
  const { values, positionals, slip } = readArgs(argv);
  if (slip) return refuse(slip, USAGE);
  const unknown = positionals.find((part) => !PARTS.includes(part));
  if (unknown !== undefined)
    return refuse(`no part ${JSON.stringify(unknown)}`, `Parts: ${PARTS.join(' ')}`);
  if (!existsSync('/proc/self/stat')) return refuse('this bench reads /proc', 'Run it on Linux');
  if (!existsSync(new URL('../dist/start.cjs', import.meta.url))) {
    return refuse('meowctl is not built', 'Run: npm run build');
  }
  installPeers();
  const { rows, drawn } = await measure(
    positionals.length > 0 ? positionals : DEFAULT_PARTS,
    values,
  );
  console.log(
    values.json ? JSON.stringify(rows, null, 2) : `\n${[...drawn, resultTable(rows)].join('\n\n')}`,
  );
  return rows.some(missed) ? 1 : 0;
}

function readArgs(args) {
  /** @satisfies {import('node:util').ParseArgsConfig['options']} */
  const options = {
    node: { type: 'string' },
    against: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  };
  try {
    return { ...parseArgs({ args, options, allowPositionals: true }), slip: null };
  } catch (error) {
    return {
      values: { quick: false, json: false },
      positionals: [],
      slip: error.message.split('. ')[0],
    };
  }
}

/**
 * @param {readonly string[]} parts
 * @param {{ node?: string, against?: string, quick?: boolean }} options
 */
async function measure(parts, { node, against, quick = false }) {
  // Not before the peers are installed.
  const { createWorld } = await import('./lib/world.mjs');
  const world = await createWorld({ nodeVersion: node ?? null, quick, against: against ?? null });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => world.end().finally(() => process.exit(130)));
  }
  try {
    const rows = [];
    const drawn = [];
    for (const part of parts) {
      const result = await measurePart(part, world);
      rows.push(...result.rows);
      drawn.push(...result.drawn);
    }
    return { rows, drawn };
  } finally {
    await world.end();
  }
}

async function measurePart(part, world) {
  world.say(`part ${part}`);
  const { measure: measureIt, draw } = await import(`./parts/${part}.mjs`);
  // Each part's own servers are gone before the next: they beat, and pm2 knows its apps by name.
  const rows = await world.within(measureIt);
  return { rows, drawn: draw ? [draw(rows)] : [] };
}

function refuse(message, remedy) {
  process.stderr.write(`bench: ${message}\n  ${remedy}\n`);
  return 2;
}
