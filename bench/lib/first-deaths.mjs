import { setTimeout as pause } from 'node:timers/promises';
import { createPm2 } from './pm2.mjs';
import { freePort, startProgram } from './programs.mjs';
import { interleave } from './rounds.mjs';
import { median, pairedRatio } from './stats.mjs';
import { until } from './until.mjs';

/** Longer than what a server has to run for its death to be answered at once. */
const RAN_WELL_MS = 11_000;
const STEP_MS = 1;

/**
 * From kill -9 to the next answer, each time of another server that had run well, beside what the
 * same command takes from its start to its first answer; and the same for pm2 and a plain program.
 * @param {object} sides
 * @param {ReturnType<typeof import('./meowctl.mjs').createMeowctl>} sides.fleet with a keeper
 */
export async function firstDeaths(world, { fleet, app, listening }) {
  const rounds = world.quick ? 3 : 7;
  world.say(
    `${rounds} servers that ran well are killed, each beside a boot of the same app; pm2 too`,
  );
  await fleet.run('spawn', `${rounds}`, '--app', app);
  const servers = await fleet.records();
  const restart = await startUnderPm2(world, listening);
  await pause(RAN_WELL_MS);
  const ms = await interleave(rounds, {
    back: (round) => killAndWait(fleet, servers[round]),
    boot: () => boot(world, [fleet.bin, 'serve', '--app', app]),
    pm2Back: () => restart(),
    pm2Boot: () => boot(world, [listening]),
  });
  const over = (back, boots) => median(back.map((value, round) => value - boots[round]));
  return [
    {
      what: "killed → serving − the app's own boot",
      value: over(ms.back, ms.boot),
      atMost: 150,
      unit: ' ms',
    },
    { what: "killed → serving / the app's own boot", value: pairedRatio(ms.back, ms.boot) },
    { what: 'killed → serving', value: median(ms.back), unit: ' ms' },
    {
      what: "pm2: killed → serving − its program's own boot",
      value: over(ms.pm2Back, ms.pm2Boot),
      unit: ' ms',
    },
    {
      what: "pm2: killed → serving / its program's own boot",
      value: pairedRatio(ms.pm2Back, ms.pm2Boot),
    },
  ];
}

async function killAndWait(fleet, { pid }) {
  const known = new Set((await fleet.records()).map(({ id }) => id));
  const isNew = async () => {
    const fresh = (await fleet.records()).find(({ id }) => !known.has(id));
    return fresh !== undefined && answers(`${fresh.url}/healthz`);
  };
  const begun = performance.now();
  process.kill(pid, 'SIGKILL');
  await until('another serves', isNew, 60_000, STEP_MS);
  return performance.now() - begun;
}

async function boot(world, args) {
  const port = await freePort();
  const env = { ...world.env, PORT: `${port}` };
  const own = args.includes('serve') ? [...args, '--port', `${port}`] : args;
  const begun = performance.now();
  const program = startProgram(world.node, own, { env });
  await until('it serves', () => answers(`http://127.0.0.1:${port}/`), 60_000, STEP_MS);
  const ms = performance.now() - begun;
  await program.stop();
  return ms;
}

/** @returns kills the program that runs under pm2, and takes the time until it answers again */
async function startUnderPm2(world, listening) {
  const name = 'first-deaths';
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const env = { ...world.env, PORT: `${port}` };
  const pm2 = createPm2(world, env);
  await pm2('start', listening, '--name', name);
  await until('it serves under pm2', () => answers(url), 60_000);
  return async () => {
    const { stdout } = await pm2('pid', name);
    const begun = performance.now();
    process.kill(Number(stdout.trim()), 'SIGKILL');
    await until('it is gone', async () => !(await answers(url)), 60_000, STEP_MS);
    await until('it serves again', () => answers(url), 60_000, STEP_MS);
    return performance.now() - begun;
  };
}

async function answers(url) {
  const answer = await fetch(url).catch(() => null);
  await answer?.text();
  return answer?.status === 200;
}
