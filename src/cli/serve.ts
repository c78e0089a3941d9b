import { type Command, Option } from 'commander';
import { defaults } from '../config.ts';
import { addAppFlags, addWorkerFlag } from './app-flags.ts';
import type { Context } from './context.ts';
import { examples } from './examples.ts';
import { openApp } from './open-app.ts';
import { runServer, type ServeFlags } from './run-server.ts';
import { host, port, seconds, serverId } from './values.ts';

export function addServe(program: Command, context: Context): void {
  const verb = program
    .command('serve')
    .description('run one server in the foreground')
    .usage('[options] [-- program with {port}]')
    .option(
      '--port <port>',
      `exactly this port (default: the first free one from ${defaults.firstServerPort})`,
      port,
    )
    .option('--host <host>', 'listen on this address', host, defaults.serverHost)
    .option('--advertise <host>', 'the name doors reach it by', host)
    .option(
      '--drain <seconds>',
      'how long it may finish requests when it leaves',
      seconds,
      defaults.drainMs,
    )
    .addOption(new Option('--id <id>').argParser(serverId).hideHelp())
    .addOption(new Option('--spawned').hideHelp())
    .addOption(new Option('--of-up').hideHelp())
    .addOption(new Option('--first-port <port>').argParser(port).hideHelp())
    .addOption(new Option('--replaces <id>').argParser(serverId).hideHelp())
    .addOption(new Option('--held').hideHelp())
    .addHelpText('after', examples('meowctl serve --port 3005', 'meowctl serve --app ./server.js'))
    .action((flags: ServeFlags) => runServer(context, flags, openApp));
  addWorkerFlag(addAppFlags(verb));
}
