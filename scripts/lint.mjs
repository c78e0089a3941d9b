// All that `npm test` looks at before it runs anything: side by side, each told whole once it has ended.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// One thread needs half the CPU of several, which check what all files use again and again.
const TSC = ['tsc', '--noEmit', '--singleThreaded'];
const LOOKS = [
  ['biome', 'ci', '.'],
  TSC,
  [...TSC, '-p', 'src/page'],
  [...TSC, '-p', 'tsconfig.scripts.json'],
  ['knip'],
  [process.execPath, 'scripts/lint-lua.mjs'],
];

const codes = await Promise.all(LOOKS.map(look));
if (codes.some((code) => code !== 0)) process.exitCode = 1;

/** @param {string[]} command */
function look([program = '', ...args]) {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  /** @type {Buffer[]} */
  const said = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => said.push(piece));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      process.stdout.write(code === 0 ? '' : `${[program, ...args].join(' ')}\n`);
      process.stdout.write(Buffer.concat(said));
      resolve(code);
    });
  });
}
