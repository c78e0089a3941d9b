import type { Background } from '../../loop.ts';
import type { CertificateEnd } from '../../model/door-record.ts';
import { Sticky } from '../../proxy/sticky/cookie.ts';
import { type KeptKey, type SharedKey, StickyKey } from '../../proxy/sticky/key.ts';
import { Certificates } from '../../proxy/tls/certificates.ts';
import type { EngineOptions } from '../config/engine-options.ts';
import type { RuntimeSocket } from '../runtime/runtime-socket.ts';
import { CookieMap } from './cookie-map.ts';
import { ShownCertificates } from './shown-certificates.ts';

/** What HAProxy has to know for its clients, beside its servers. */
export interface ClientSide {
  certificates(): readonly CertificateEnd[];
  /**
   * Looks for changes from now on.
   * @throws StoreError when Redis cannot be asked the first time
   */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** The files that HAProxy reads at its start. @param ids of the servers that it begins with */
  write(ids: readonly string[]): void;
  /** Brings one that runs to what is so now. @param ids of the servers that clients may stick to */
  settle(runtime: RuntimeSocket, ids: readonly string[]): Promise<void>;
}

export interface ClientSideDeps {
  readonly registry: SharedKey;
  /** Where the key of the sticky cookie is kept; null where clients stick to none. */
  readonly stickyKey: KeptKey | null;
  /** Where HAProxy looks for its files. */
  readonly folder: string;
  log(line: string): void;
}

/** @throws FailedError `certificate` where one cannot be used */
export function createClientSide(
  deps: ClientSideDeps,
  { certificates: files, registryReadMs }: Pick<EngineOptions, 'certificates' | 'registryReadMs'>,
): ClientSide {
  const { registry, stickyKey: kept, folder, log } = deps;
  const certificates = new Certificates(files, log);
  const shown = new ShownCertificates(certificates, folder, log);
  const sticky = kept && new Sticky(kept.namespace);
  const key = sticky && new StickyKey({ registry, kept, sticky, log }, registryReadMs);
  const cookies = sticky && new CookieMap(sticky, folder);
  let watch: Background | null = null;
  return {
    certificates: () => certificates.all.map(({ name, endsAt }) => ({ name, endsAt })),
    async start() {
      await key?.start();
      if (files.length > 0) watch = certificates.watch();
    },
    async stop() {
      await watch?.stop();
      await key?.stop();
    },
    write(ids) {
      shown.write();
      cookies?.write(ids);
    },
    async settle(runtime, ids) {
      await shown.settle(runtime);
      await cookies?.settle(runtime, ids);
    },
  };
}
