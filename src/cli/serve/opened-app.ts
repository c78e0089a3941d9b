import { existsSync, realpathSync } from 'node:fs';
import { defaults } from '../../defaults.ts';
import type { AppEnvironment } from '../../environment/app-environment.ts';
import type { CreateApp } from '../../hosting/app.ts';
import type { AppSpec } from '../../model/app-spec.ts';
import type { Store } from '../../store/store.ts';
import type { Context } from '../context/context.ts';
import { leftOutInWords } from '../flags/asked-env.ts';

/** An app that can be served in this process. */
export interface OpenedApp {
  readonly createApp: CreateApp;
  /** Where it was found, links resolved; null for the built-in one. */
  readonly folder: string | null;
  /** After its server has left: lets it clean up, and ends a process that it keeps alive. */
  leave(): void;
}

/** Opens what a server serves. */
export type OpenApp = (
  context: Context,
  store: Store,
  spec: AppSpec,
  env: AppEnvironment,
) => Promise<OpenedApp>;

/** How long an app may still take to be ready, from its process' own start. */
export function leftOf(readyMs: number = defaults.readyTimeoutMs, proc: NodeJS.Process): number {
  return Math.max(0, readyMs - proc.uptime() * 1_000);
}

/** What may be missing where an app does not start. */
export function hint({ leftOut }: AppEnvironment): string {
  return leftOut === 0 ? '' : `. ${leftOutInWords(leftOut)}`;
}

// What is not there is said by whoever wants it.
export function resolved(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}
