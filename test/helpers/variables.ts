import { keepValues } from '../../src/environment/kept-values.ts';

import { type AppSpec, catSpec } from '../../src/model/app-spec.ts';

/** What `--env` makes of them for a server of the built-in app. */
export function catWith(home: string, declared: Readonly<Record<string, string>>): AppSpec {
  return { ...catSpec, ...keepValues(home, { base: {}, declared, leftOut: 0 }) };
}
