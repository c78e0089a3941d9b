import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Many servers with their keepers, in one process that runs meowctl's own code.
 * @param {import('./world.mjs').World} world
 * @param {string} namespace
 */
export async function startSimulatedFleet(world, namespace) {
  const folder = join(world.folder, 'simulated');
  mkdirSync(folder);
  const file = join(folder, 'fleet.mjs');
  await bundle(file);
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const places = { MEOW_NAMESPACE: namespace, BENCH_FOLDER: folder, BENCH_VERSION: version };
  const env = { ...world.env, ...places };
  const child = fork(file, { env, execPath: world.node, execArgv: [], stdio: 'inherit' });
  world.atEnd(() => child.kill('SIGKILL'));
  await once(child, 'message');
  let asked = 0;
  const ask = (verb, how = {}) =>
    new Promise((resolve, reject) => {
      asked += 1;
      const id = asked;
      const heard = (answer) => {
        if (answer.id !== id) return;
        child.off('message', heard);
        if (answer.failed) reject(new Error(answer.failed));
        else resolve(answer.done);
      };
      child.on('message', heard);
      child.once('exit', (code) => reject(new Error(`the simulated fleet ended: ${code}`)));
      child.send({ id, verb, ...how });
    });
  child.setMaxListeners(0);
  return { pid: child.pid ?? Number.NaN, ask };
}

async function bundle(file) {
  const [{ build }, { luaForEsbuild }] = await Promise.all([
    import('esbuild'),
    import('../../scripts/lua.mjs'),
  ]);
  const program = fileURLToPath(new URL('../programs/simulated-fleet.mjs', import.meta.url));
  await build({
    entryPoints: [program],
    outfile: file,
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node20', logLevel: 'warning' },
    // What of the dependencies is CommonJS asks for built-in modules by `require`.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    plugins: [luaForEsbuild],
  });
}
