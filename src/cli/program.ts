import { Command } from 'commander';
import type { Context } from './context.ts';
import { addDestroy } from './destroy.ts';
import { addDown } from './down.ts';
import { addGet } from './get.ts';
import { addListservers } from './listservers.ts';
import { addLogs } from './logs.ts';
import { addMeow } from './meow.ts';
import { addProxy } from './proxy.ts';
import { addRecent } from './recent.ts';
import { addServe } from './serve.ts';
import { addSet } from './set.ts';
import { addSpawn } from './spawn.ts';
import { addUp } from './up.ts';
import { addUpload } from './upload.ts';

const verbs = [
  addUp,
  addDown,
  addSpawn,
  addDestroy,
  addListservers,
  addLogs,
  addProxy,
  addServe,
  addSet,
  addGet,
  addUpload,
  addMeow,
  addRecent,
];

const SETTINGS = `
Settings (environment):
  REDIS_URL        redis://[user:password@]host[:port][/db], or rediss:// for TLS
  MEOW_NAMESPACE   keeps fleets on one Redis apart (default meow)
  MEOW_HOME        state folder: logs, local Redis (default ~/.local/state/meowctl)
  MEOW_ADVERTISE   the host name others reach this machine's servers by

Exit codes: 0 done, 1 failed, 2 usage, 3 nothing there, 4 Redis unreachable, 5 timed out, 130 interrupted
`;

/** Every verb, declared but not run. What goes wrong is thrown, never printed here. */
export function createProgram(context: Context): Command {
  const program = new Command('meowctl')
    .description('Runs a fleet of web servers behind one front door, with Redis between them.')
    .version(context.version, '-V, --version', 'print the version')
    .option('--debug', 'print a stack with an error')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .configureOutput({ outputError: () => {} })
    .exitOverride()
    .showHelpAfterError(false)
    .addHelpText('after', SETTINGS);
  for (const add of verbs) add(program, context);
  for (const verb of program.commands) verb.option('--debug', 'print a stack with an error');
  return program;
}
