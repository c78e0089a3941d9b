import { quote } from '../../text.ts';
import { problem, type Reply } from './reply.ts';
import type { Handler } from './router.ts';

/**
 * A handler whose query may have these alone: whoever sends another means it, as in a body. Routes that
 * take none at all pass over whatever stands there.
 */
export function takingQuery(names: readonly string[], handler: Handler): Handler {
  return (asked) => {
    const strange = [...asked.query.keys()].find((name) => !names.includes(name));
    return strange === undefined ? handler(asked) : unknownField(strange, names);
  };
}

/** @param known what may be there */
export function unknownField(name: string, known: readonly string[]): Reply {
  const allowed = known.length > 0 ? `Allowed: ${known.join(', ')}` : 'Send no field';
  return problem(400, `${quote(name)} is not taken here`, allowed);
}
