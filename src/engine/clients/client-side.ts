import type { Background } from '../../loop.ts';
import type { CertificateEnd } from '../../model/door-record.ts';
import { Certificates } from '../../proxy/tls/certificates.ts';
import type { EngineOptions } from '../config/engine-options.ts';
import type { RuntimeSocket } from '../runtime/runtime-socket.ts';
import { ShownCertificates } from './shown-certificates.ts';

/** What HAProxy has to know for its clients, beside its servers. */
export interface ClientSide {
  certificates(): readonly CertificateEnd[];
  /** Looks for changes from now on, and tells of them. */
  start(): void;
  stop(): Promise<void>;
  /** The files that HAProxy reads at its start. */
  write(): void;
  /** Brings one that runs to what is so now. */
  settle(runtime: RuntimeSocket): Promise<void>;
}

/**
 * @param folder where HAProxy looks for its files
 * @throws FailedError `certificate` where one cannot be used
 */
export function createClientSide(
  { certificates: files }: Pick<EngineOptions, 'certificates'>,
  folder: string,
  log: (line: string) => void,
): ClientSide {
  const certificates = new Certificates(files, log);
  const shown = new ShownCertificates(certificates, folder, log);
  let watch: Background | null = null;
  return {
    certificates: () => certificates.all.map(({ name, endsAt }) => ({ name, endsAt })),
    start() {
      if (files.length > 0) watch = certificates.watch();
    },
    async stop() {
      await watch?.stop();
    },
    write: () => shown.write(),
    settle: (runtime) => shown.settle(runtime),
  };
}
