import { troubleInWords } from '../../expected-errors.ts';
import { withinAwake } from '../../time/awake-timer.ts';
import type { Link } from '../connection/connection.ts';
import type { OpenLink } from '../connection/open.ts';
import { storeError } from '../connection/trouble.ts';
import type { Pictures } from '../store.ts';

/** As docs/operations.md tells it. */
const REPLICAS = 1;
const REPLICA_MS = 200;
/** For the answer, once Redis has waited. */
const ANSWER_MS = 300;

/**
 * Queues over a connection of its own, which then waits for a replica: WAIT counts only what its own
 * connection wrote, and holds up whatever else is sent over it.
 */
export function createDurableEnqueue(
  open: () => Promise<OpenLink>,
  enqueueOver: (link: Link) => Pictures['enqueue'],
): Pick<Pictures, 'enqueueDurably'> {
  return {
    async enqueueDurably(pictures, onSent) {
      const link = await open();
      try {
        const stored = await enqueueOver(link)(pictures, onSent);
        const missed = whyNoReplica(link).finally(() => link.close());
        return { ...stored, missed };
      } catch (error) {
        await link.close();
        throw error;
      }
    },
  };
}

// All is queued by now: whatever goes wrong here must not look as if it were to be sent again.
async function whyNoReplica(link: Link): Promise<string | null> {
  try {
    const waited = link.run((redis) => redis.wait(REPLICAS, REPLICA_MS));
    const late = () => storeError(link.label, new Error('Command timed out'));
    const replicas = await withinAwake(waited, REPLICA_MS + ANSWER_MS, late);
    return replicas >= REPLICAS ? null : `no replica had them within ${REPLICA_MS} ms`;
  } catch (error) {
    return `whether a replica has them is unknown: ${troubleInWords(error)}`;
  }
}
