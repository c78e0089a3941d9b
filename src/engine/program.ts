import { FailedError } from '../errors.ts';
import { onPath } from '../process/own-program.ts';
import { captureOutput } from '../process/system-commands.ts';
import { quote } from '../text.ts';

export interface HaproxyProgram {
  readonly path: string;
  /** As it says itself, such as `2.6.12-1+deb12u4`. */
  readonly version: string;
}

interface Version {
  readonly major: number;
  readonly minor: number;
}

/** Where systems keep it, on whosever PATH that is. */
const ALSO = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin'];
const INSTALL = 'Install one (apt-get install haproxy, dnf install haproxy, brew install haproxy)';

/**
 * The HAProxy of this machine.
 * @param env its PATH is searched
 * @throws FailedError where there is none, or it is older than this
 */
export function findHaproxy(
  env: Readonly<Record<string, string>>,
  least: Version,
  also: readonly string[] = ALSO,
): HaproxyProgram {
  const [path] = onPath('haproxy', { PATH: [env.PATH ?? '', ...also].join(':') });
  const wanted = `${least.major}.${least.minor}`;
  if (path === undefined) {
    const message = '--engine haproxy needs HAProxy, and no haproxy is on PATH';
    throw new FailedError('no-haproxy', message, `${INSTALL}, version ${wanted} or newer`);
  }
  const said = captureOutput(path, ['-v'], env) ?? '';
  const [, version = '', major = 0, minor = 0] = /version ((\d+)\.(\d+)\S*)/.exec(said) ?? [];
  const isNewEnough =
    Number(major) > least.major || (Number(major) === least.major && Number(minor) >= least.minor);
  if (isNewEnough) return { path, version };
  const message = `${quote(path)} is HAProxy ${version || 'of an unknown version'}, older than ${wanted}`;
  throw new FailedError(
    'old-haproxy',
    message,
    `Install ${wanted} or newer: haproxy.org has packages`,
  );
}
