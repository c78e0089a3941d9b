import { type Command, Option } from 'commander';
import type { Context } from '../context/context.ts';
import { addAppFlags, addWorkerFlag } from '../flags/app-flags.ts';
import { examples } from '../flags/help.ts';
import { addPlaceFlags } from '../flags/place-flags.ts';
import type { ServeFlags } from '../flags/serve-flags.ts';
import { addDrainTimeout } from '../flags/time-limits.ts';
import { port, serverId } from '../flags/values.ts';
import { openApp } from '../serve/open-app.ts';
import { runServer } from '../serve/run-server.ts';

export function addServe(program: Command, context: Context): void {
  const verb = program
    .command('serve')
    .description('run one server in the foreground')
    .usage('[options] [-- program with {port}]');
  addPlaceFlags(verb)
    .addOption(new Option('--id <id>').argParser(serverId).hideHelp())
    .addOption(new Option('--spawned').hideHelp())
    .addOption(new Option('--of-up').hideHelp())
    .addOption(new Option('--first-port <port>').argParser(port).hideHelp())
    .addOption(new Option('--replaces <id>').argParser(serverId).hideHelp())
    .addOption(new Option('--standby').hideHelp())
    .addHelpText('after', examples('meowctl serve --port 3005', 'meowctl serve --app ./server.js'))
    .action((flags: ServeFlags) => runServer(context, flags, openApp));
  const what = 'how long it may finish requests when it leaves';
  addDrainTimeout(verb, what, '--drain <seconds>');
  addWorkerFlag(addAppFlags(verb));
}
