import { Command, type Option } from 'commander';
import { defaults } from '../defaults.ts';
import { UsageError } from '../errors.ts';
import { quote } from '../text.ts';
import { addComplete, addCompletion } from './completion/verbs.ts';
import type { Context } from './context/context.ts';
import { addDoctor } from './doctor/doctor.ts';
import { seconds } from './flags/values.ts';
import { addDescribe } from './history/describe.ts';
import { addEvents } from './history/events.ts';
import { addWhy } from './history/why.ts';
import { verbHere } from './output/other-tools.ts';
import { addDoorWorker, DOOR_WORKER } from './up/door-worker.ts';
import { addDashboard } from './verbs/dashboard.ts';
import { addDestroy } from './verbs/destroy.ts';
import { addDown } from './verbs/down.ts';
import { addGet } from './verbs/get.ts';
import { addKeep } from './verbs/keep.ts';
import { addListservers } from './verbs/listservers.ts';
import { addLogs } from './verbs/logs.ts';
import { addMeow } from './verbs/meow.ts';
import { addProxy } from './verbs/proxy.ts';
import { addRecent } from './verbs/recent.ts';
import { addRestart } from './verbs/restart.ts';
import { addScale } from './verbs/scale.ts';
import { addServe } from './verbs/serve.ts';
import { addSet } from './verbs/set.ts';
import { addSpawn } from './verbs/spawn.ts';
import { addTop } from './verbs/top.ts';
import { addUp } from './verbs/up.ts';
import { addUpload } from './verbs/upload.ts';

type AddVerb = (program: Command, context: Context) => void;

// In the order that help shows.
const verbs: ReadonlyMap<string, AddVerb> = new Map([
  ['up', addUp],
  ['down', addDown],
  ['spawn', addSpawn],
  ['destroy', addDestroy],
  ['scale', addScale],
  ['restart', addRestart],
  ['listservers', addListservers],
  ['top', addTop],
  ['describe', addDescribe],
  ['logs', addLogs],
  ['events', addEvents],
  ['why', addWhy],
  ['dashboard', addDashboard],
  ['proxy', addProxy],
  ['keep', addKeep],
  ['serve', addServe],
  ['set', addSet],
  ['get', addGet],
  ['upload', addUpload],
  ['meow', addMeow],
  ['recent', addRecent],
  ['doctor', addDoctor],
  ['completion', addCompletion],
]);

const SETTINGS = `
Settings (environment):
  REDIS_URL        redis://[user:password@]host[:port][/db], rediss:// for TLS,
                   unix://[user:password@]/path.sock[?db=n],
                   redis+sentinel://[user:password@]host:port,…/master[/db]
                   or redis+cluster://[user:password@]host:port,…
  MEOW_SENTINEL_USER, MEOW_SENTINEL_PASSWORD
                   how to enter those sentinels (default: without)
  MEOW_DURABLE     1: an upload waits until a replica of Redis has it too
  MEOW_NAMESPACE   keeps fleets on one Redis apart (default ${defaults.namespace})
  MEOW_HOME        state folder: what is to run here, keys, logs, local Redis
                   (default $XDG_STATE_HOME/meowctl or ~/.local/state/meowctl)
  MEOW_ADVERTISE   the host name others reach this machine's servers by
  MEOW_LISTEN      the address those listen on (default ${defaults.serverHost})
  MEOW_REDIS_PROBE where a Redis is looked for when none is named
  MEOW_DEBUG       what goes on inside, on stderr: proxy, store, fleet, with commas,
                   or *

Exit codes: 0 done, 1 failed, 2 usage, 3 nothing there, 4 Redis unreachable,
  5 timed out, 130 interrupted
`;

/** Every verb, declared but not run. What goes wrong is thrown, never printed here. */
export function createProgram(context: Context): Command {
  const [, , verb, topic] = context.process.argv;
  if (verb === 'help' && topic !== undefined) refuseUnknown(topic);
  return declare(context, verb);
}

function declare(context: Context, verb?: string): Command {
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
  if (verb === '__complete') addComplete(program, context, (name) => declare(context, name));
  else if (verb === DOOR_WORKER) addDoorWorker(program, context);
  else for (const add of asked(verb)) add(program, context);
  for (const verb of program.commands) {
    verb.option('--debug', 'print a stack with an error');
    verb.options.forEach(showSeconds);
  }
  return program;
}

// A verb that is named needs no other: declaring all takes 2 ms.
function asked(name = ''): Iterable<AddVerb> {
  const verb = verbs.get(name === 'ls' ? 'listservers' : name);
  return verb ? [verb] : verbs.values();
}

// Commander prints all of the help without a word.
function refuseUnknown(topic: string): void {
  if (topic === 'ls' || topic === 'help' || topic.startsWith('-') || verbs.has(topic)) return;
  throw new UsageError(
    `unknown command ${quote(topic)}`,
    verbHere(topic) ?? 'See `meowctl --help`',
  );
}

// Given in seconds, kept in milliseconds.
function showSeconds(option: Option): void {
  if (option.parseArg !== seconds || typeof option.defaultValue !== 'number') return;
  option.defaultValueDescription = `${option.defaultValue / 1_000} s`;
}
