import type { Command } from 'commander';
import { UsageError } from '../../errors.ts';
import { hstsSeconds, port } from './values.ts';

/** How clients come to the door over TLS. */
export interface TlsFlags {
  readonly tlsCert?: string[];
  readonly tlsKey?: string[];
  readonly redirectHttp?: number;
  readonly hsts?: number;
}

export function addTlsFlags(command: Command): Command {
  return command
    .option('--tls-cert <file>', 'certificate in PEM, its chain behind it; again for more', more)
    .option('--tls-key <file>', 'its key; each certificate has one, in the same order', more)
    .option('--redirect-http <port>', 'where plain HTTP is sent on to https', port)
    .option('--hsts <seconds>', 'how long browsers use https alone', hstsSeconds);
}

/** @throws UsageError for flags that contradict each other */
export function checkTlsFlags(flags: TlsFlags, doorPort: number): void {
  const { tlsCert: certs = [], tlsKey: keys = [], redirectHttp, hsts } = flags;
  if (certs.length !== keys.length) {
    const message = `--tls-cert is given ${times(certs)}, --tls-key ${times(keys)}`;
    throw new UsageError(message, 'Give each certificate its key, in the same order');
  }
  if (certs.length === 0 && (redirectHttp !== undefined || hsts !== undefined)) {
    const flag = hsts === undefined ? '--redirect-http' : '--hsts';
    throw new UsageError(`${flag} without a certificate`, 'Add --tls-cert and --tls-key');
  }
  if (redirectHttp !== undefined && redirectHttp === doorPort) {
    const message = `--redirect-http ${redirectHttp} is the door's own port`;
    throw new UsageError(message, 'Use another for one of them, such as 80 and --port 443');
  }
}

/** The pairs; none where the door speaks plain HTTP. */
export function certificateFiles({ tlsCert = [], tlsKey = [] }: TlsFlags) {
  return tlsCert.map((cert, at) => ({ cert, key: tlsKey[at] ?? '' }));
}

function more(file: string, before: readonly string[] = []): string[] {
  return [...before, file];
}

function times({ length }: readonly string[]): string {
  return length === 0 ? 'not at all' : length === 1 ? 'once' : `${length} times`;
}
