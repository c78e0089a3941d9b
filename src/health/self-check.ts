import { httpUrl } from '../address.ts';
import { FailedError } from '../errors.ts';
import { reason } from '../text.ts';
import { askHealth, type HealthQuestion } from './ask-health.ts';
import { MAX_HEALTH_BYTES } from './endpoint.ts';

type Where = Pick<HealthQuestion, 'host' | 'port' | 'path'>;

/**
 * Asks a server's own address for its health: somebody else might answer there.
 * @throws FailedError unless it answers with its id
 */
export async function checkItself(where: Where, id: string, withinMs: number): Promise<void> {
  const limits = { withinMs, maxBodyBytes: MAX_HEALTH_BYTES };
  const answer = await askHealth({ ...where, ...limits });
  const text = 'status' in answer ? answer.body : reason(answer.error);
  if (text.includes(`"id":"${id}"`)) return;
  const url = httpUrl(where.host, where.port) + where.path;
  throw new FailedError('self-check', `${url} does not answer as ${id}: ${text}`, 'See its log');
}
