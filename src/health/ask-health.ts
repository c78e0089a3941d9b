import { get } from 'node:http';

/** One request for somebody's health, and what its answer may cost. */
export interface HealthQuestion {
  /** As sockets want it: an IPv6 address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** From the connection to the end of the answer. */
  readonly withinMs: number;
  readonly maxHeaderBytes?: number;
  /** A longer answer counts as broken. With 0 the status alone is waited for. */
  readonly maxBodyBytes: number;
}

/** `silent`: no whole answer in time. `broken`: no connection, or no whole answer that is HTTP. */
export type HealthAnswer =
  | { readonly status: number; readonly body: string }
  | { readonly problem: 'silent' | 'broken'; readonly error: Error };

/** Asks once, on a connection of its own. Never rejects. */
export function askHealth(question: HealthQuestion): Promise<HealthAnswer> {
  const { host, port, path, headers, withinMs, maxHeaderBytes, maxBodyBytes } = question;
  return new Promise((resolve) => {
    const settle = (answer: HealthAnswer) => {
      clearTimeout(timer);
      resolve(answer); // the first counts
      asked.destroy();
    };
    const broken = (error: Error) => settle({ problem: 'broken', error });
    const timer = setTimeout(
      () => settle({ problem: 'silent', error: new Error(`no answer in ${withinMs} ms`) }),
      withinMs,
    );
    const limit = maxHeaderBytes === undefined ? {} : { maxHeaderSize: maxHeaderBytes };
    const asked = get({ host, port, path, headers, agent: false, ...limit }, (answer) => {
      const status = answer.statusCode ?? 0;
      if (maxBodyBytes === 0) return settle({ status, body: '' });
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece: string) => {
        body += piece;
        if (body.length > maxBodyBytes) broken(new Error('its answer is too long'));
      });
      answer.on('error', () => {}); // `close` follows
      answer.once('end', () => settle({ status, body }));
    });
    asked.on('error', broken);
    asked.once('close', () => broken(new Error('its answer broke off')));
  });
}
