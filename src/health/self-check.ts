import { defaults } from '../defaults.ts';
import { FailedError } from '../errors.ts';
import { reason } from '../text.ts';

/**
 * Asks a server's own address for its health: somebody else might answer there.
 * @throws FailedError unless it answers with its id
 */
export async function checkItself(url: string, id: string): Promise<void> {
  const text = await read(url).catch(reason);
  if (text.includes(`"id":"${id}"`)) return;
  throw new FailedError('self-check', `${url} does not answer as ${id}: ${text}`, 'See its log');
}

async function read(url: string): Promise<string> {
  const { get } = await import('node:http');
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: defaults.probeTimeoutMs }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (chunk) => {
        body += chunk;
      });
      answer.once('end', () => resolve(body));
    });
    request.once('error', reject);
    request.once('timeout', () => request.destroy(new Error('no answer')));
  });
}
