import type { ChainableCommander } from 'ioredis';

/**
 * Runs a MULTI and returns its replies in order.
 * @throws the first error among them: a MULTI does not fail as a whole
 */
export async function transaction(multi: ChainableCommander): Promise<unknown[]> {
  const results = await multi.exec().catch((error: Aborted) => {
    throw error.previousErrors?.[0] ?? error;
  });
  if (results === null) throw new Error('the transaction was discarded');
  return results.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

// EXECABORT says only that a command was refused; why stands in these.
type Aborted = Error & { readonly previousErrors?: readonly Error[] };
