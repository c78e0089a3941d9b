import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaults } from '../../defaults.ts';
import { type ExitCode, exitCodes } from '../../errors.ts';
import type { Actor } from '../../model/event.ts';
import { ChildEnds } from '../../process/child-ends.ts';
import type { Settings } from '../../settings.ts';
import type { Store } from '../../store/store.ts';
import type { Output } from '../output/output.ts';
import { actorOf } from './actor.ts';
import { watchTerminal } from './lost-terminal.ts';
import { signalled } from './signals.ts';

interface StoreNeeds {
  /** Whether a local Redis is started where none answers (`up` and `spawn`). */
  readonly start?: boolean;
  readonly persistent?: boolean;
  /** Of a persistent one: whether it opens without Redis too, and has it once that is back. */
  readonly mayBeAway?: boolean;
  /** Whether to say that this Redis may throw away what it is given: one round trip. */
  readonly keeps?: boolean;
  /** How long each step towards Redis may take, where that is less than usual. */
  readonly withinMs?: number;
}

/** An open store, and the address it was opened with, for children. */
export interface OpenStore {
  readonly store: Store;
  readonly url: string;
}

/** What every verb gets: settings, output, and the way to Redis. */
export interface Context {
  readonly config: Settings;
  readonly output: Output;
  readonly process: NodeJS.Process;
  /** The file that starts meowctl, for children. */
  readonly cliPath: string;
  readonly version: string;
  /** How the servers end that this process starts. */
  readonly ends: ChildEnds;
  /** The words after `--`: a program to serve, for the verbs that take one. */
  readonly program: readonly string[] | null;
  openStore(needs?: StoreNeeds): Promise<OpenStore>;
  /** Opens, hands over, and closes whatever happens. */
  withStore<T>(use: (open: OpenStore) => Promise<T>, needs?: StoreNeeds): Promise<T>;
  /** Aborted by the first Ctrl-C or SIGTERM; the run then ends with 130. */
  interruption(): AbortSignal;
  /** The same, and by SIGHUP, for what runs until then: it has done what was asked of it. */
  stopping(): AbortSignal;
  /** From now on SIGHUP does this instead, unless it says that the terminal is gone. */
  atHangUp(act: () => void): void;
  /** Ends the run with this code although nothing is thrown. */
  exitWith(code: ExitCode): void;
  exitCode(): ExitCode;
}

/** @param root the folder of the package: bin/ and package.json are in it */
export function createContext(
  proc: NodeJS.Process,
  root: string,
  config: Settings,
  output: Output,
  program: readonly string[] | null,
): Context {
  let code: ExitCode = exitCodes.done;
  let interruption: AbortSignal | null = null;
  let stopping: AbortSignal | null = null;
  let hangUp = () => false;

  const actor = actorOf(proc);
  const openStore = (needs: StoreNeeds = {}) => open(config, output, actor, needs);

  return {
    config,
    output,
    program,
    process: proc,
    ends: new ChildEnds(),
    cliPath: join(root, 'bin', 'meowctl.js'),
    get version() {
      return versionOf(root);
    },
    openStore,
    async withStore(use, needs) {
      const open = await openStore(needs);
      try {
        return await use(open);
      } finally {
        await open.store.close();
      }
    },
    interruption() {
      interruption ??= signalled(proc, 'interrupt', () => {
        code = exitCodes.interrupted;
      });
      return interruption;
    },
    stopping() {
      stopping ??= signalled(proc, 'stop', undefined, () => hangUp());
      return stopping;
    },
    atHangUp(act) {
      const isTerminalLost = watchTerminal();
      hangUp = () => {
        if (isTerminalLost()) return false;
        act();
        return true;
      };
    },
    exitWith(next) {
      if (code === exitCodes.done) code = next;
    },
    exitCode: () => code,
  };
}

async function open(
  config: Settings,
  output: Output,
  actor: () => Actor,
  needs: StoreNeeds,
): Promise<OpenStore> {
  const { chooseRedis, warnOfEviction } = await import('./redis.ts');
  const { connectStore } = await import('../../store/connect.ts');
  const { persistent = false, keeps = false, mayBeAway = false, withinMs = Infinity } = needs;
  const url = await chooseRedis(config, output, { ...needs, answerMs: withinMs / 2 });
  const store = await connectStore({
    url,
    sentinel: config.sentinel,
    namespace: config.namespace,
    connectMs: Math.min(defaults.redisConnectMs, withinMs),
    commandMs: Math.min(defaults.redisCommandMs, withinMs),
    ...{ persistent, mayBeAway },
    actor,
    settings: defaults,
    // A verb that ends with it says so itself.
    ...(persistent ? { onTrouble: (line: string) => output.talk(`meowctl: ${line}`) } : {}),
  });
  if (keeps) await warnOfEviction(store, output);
  return { store, url };
}

const versions = new Map<string, string>();

/** Read once: a process that has given up its rights may not be able to later. */
function versionOf(root: string): string {
  const known = versions.get(root);
  if (known !== undefined) return known;
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const version = String((JSON.parse(text) as { version: unknown }).version);
  versions.set(root, version);
  return version;
}
