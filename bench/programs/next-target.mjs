import { portOf } from './port-of.mjs';

/** What every small door here needs: the backends from the command line, in turn. */
export const targets = process.argv.slice(2);

let turn = 0;

export function nextTarget() {
  turn = (turn + 1) % targets.length;
  return targets[turn];
}

/** @param {import('node:http').Server} server */
export function listenAndTell(server) {
  server.keepAliveTimeout = 75_000;
  server.listen(0, '127.0.0.1', () => {
    console.log(JSON.stringify({ port: portOf(server) }));
  });
}
