import { Agent, get } from 'node:http';

const TICK_MS = 10;
const LATE_MS = 10_000;

/**
 * So many requests a second, whether answers come or not.
 * @returns {{ stop(): Promise<{ sent: number, failed: string[] }> }}
 */
export function startSteady(url, perSecond) {
  const agent = new Agent({ keepAlive: true });
  const failed = [];
  const begun = performance.now();
  let sent = 0;
  let open = 0;
  const ask = () => {
    sent += 1;
    open += 1;
    const request = get(url, { agent, timeout: LATE_MS }, (answer) => {
      if (answer.statusCode !== 200) failed.push(String(answer.statusCode));
      answer.resume();
      answer.once('error', (error) => failed.push(error.message));
    });
    request.once('timeout', () => request.destroy(new Error('late')));
    request.once('error', (error) => failed.push(error.message));
    request.once('close', () => {
      open -= 1;
    });
  };
  const timer = setInterval(() => {
    const due = ((performance.now() - begun) / 1_000) * perSecond;
    while (sent < due) ask();
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
      while (open > 0) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      agent.destroy();
      return { sent, failed };
    },
  };
}
