import { literal } from './words.ts';

/** Where HAProxy keeps what it says of requests, in its memory: whoever looks after it reads there. */
export const RING = 'requests';

/** What it keeps; an older line makes room for a newer one. */
const RING_BYTES = 1_048_576;
/** What is longer is cut. The target, which a client chooses, comes last. */
const LINE_BYTES = 2_048;

/**
 * What a line holds, in this order. HAProxy escapes `%HU` and `%HM` by itself; a sample in brackets it
 * does not, so that those have to be words of our own.
 */
const WORDS = [
  ...['%pid', '%rt', '%Ts%ms', '%Th', '%Ti', '%Ta', '%ST', '%ts', '%rc', '%s'],
  ...['%[var(txn.try)]', '%[var(txn.id)]', '%HM', '%HU'],
];

export function ringLines(): string[] {
  return ['format raw', `maxlen ${LINE_BYTES}`, `size ${RING_BYTES}`];
}

/** Of each request, or of those that had trouble. */
export function logLines({ accessLog }: { readonly accessLog: boolean }): string[] {
  return [
    `log ring@${RING} len ${LINE_BYTES} format raw local0`,
    `log-format ${literal(WORDS.join(' '))}`,
    'option dontlognull',
    ...(accessLog ? [] : ['option dontlog-normal']),
  ];
}
