import type { Command } from 'commander';
import { engineDefaults } from '../../engine-defaults.ts';
import { engine, threads } from './values.ts';

export interface EngineFlags {
  readonly engine: 'embedded' | 'haproxy';
  /** Of HAProxy. */
  readonly threads?: number;
}

/** What requests go through. */
export function addEngineFlags(command: Command): Command {
  return command
    .option(
      '--engine <name>',
      'embedded or haproxy: what requests go through',
      engine,
      engineDefaults.engine,
    )
    .option('--threads <count>', 'threads of HAProxy (default: as many as cores)', threads);
}
