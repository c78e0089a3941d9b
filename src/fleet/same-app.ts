import { FailedError } from '../errors.ts';
import { catSpec, nameOfApp } from '../store/app-spec.ts';
import type { AppSpec, Intent } from '../store/records.ts';
import { quote } from '../text.ts';
import { readValues } from './kept-values.ts';

/**
 * What `count` servers more than there were shall serve: the same as the others of this host.
 * @throws FailedError when those serve different apps
 */
export function appOfMore(
  home: string,
  wanted: ReadonlyMap<string, Intent>,
  count: number,
): AppSpec {
  const specs = [...wanted.values()].map(({ spec }) => spec);
  const [first = catSpec, ...others] = specs;
  const same = others.every((spec) => isSame(home, spec, first));
  if (count <= 0 || same) return first;
  const names = [...new Set(specs.map(nameOfApp))].map((name) => quote(name)).join(', ');
  const message = `servers of several apps run on this host: ${names}`;
  throw new FailedError(
    'which-app',
    message,
    'Say which app to start more of: --app FILE, or `-- PROGRAM`',
  );
}

/** Whatever the shells they were asked for in: the base of one may differ from the other's. */
function isSame(home: string, one: AppSpec, other: AppSpec): boolean {
  if (withoutProofs(one) !== withoutProofs(other)) return false;
  return one.envDigest === other.envDigest || declaredIn(home, one) === declaredIn(home, other);
}

function withoutProofs({ seal: _, envDigest: __, ...spec }: AppSpec): string {
  return JSON.stringify(spec);
}

function declaredIn(home: string, { envDigest }: AppSpec): string {
  return envDigest === null ? '{}' : JSON.stringify(readValues(home, envDigest).declared);
}
