import type { CertificateFiles } from '../../proxy/tls/certificate.ts';

/** The limits of defaults.ts that HAProxy is told, under the same names. */
type Limit =
  | 'bodyIdleMs'
  | 'clientHeaderMs'
  | 'clientKeepAliveMs'
  | 'doorConnectMs'
  | 'engineCheckMs'
  | 'engineCommandMs'
  | 'engineFileMs'
  | 'engineLogBytes'
  | 'engineSilentMs'
  | 'engineStartMs'
  | 'engineTakeOverMs'
  | 'engineWatchMs'
  | 'figuresKeepMs'
  | 'leaseMs'
  | 'maxHeaderBytes'
  | 'maxHeaderLines'
  | 'maxInflight'
  | 'maxPoolServers'
  | 'maxRequestNotes'
  | 'probeFailuresToEject'
  | 'probeMs'
  | 'probesToReadmit'
  | 'probeTimeoutMs'
  | 'lateBeatMs'
  | 'recordKeepMs'
  | 'registryReadMs'
  | 'rosterKeepMs'
  | 'responseHeaderMs'
  | 'retries'
  | 'retryWindowMs'
  | 'streamIdleMs'
  | 'termGraceMs';

/** All that one door on HAProxy can be told. */
export interface EngineOptions extends Readonly<Record<Limit, number>> {
  readonly host: string;
  readonly port: number;
  readonly threads: number;
  readonly balance: 'round-robin' | 'least-inflight';
  /** `connect` never repeats a request that may have reached a server. */
  readonly retry: 'idempotent' | 'connect';
  /** Addresses, networks (CIDR) and names that servers may be at. */
  readonly allowBackends: readonly string[];
  /** Networks whose X-Forwarded-* are believed and added to. */
  readonly trustProxy: readonly string[];
  /** What clients over TLS are shown; with none they come over plain HTTP. */
  readonly certificates: readonly CertificateFiles[];
  /** A line is written for each request. */
  readonly accessLog: boolean;
  /** A client stays with its server, by a cookie. */
  readonly sticky: boolean;
  /** Where plain HTTP is sent on to https; null for nowhere. */
  readonly redirectPort: number | null;
  /** How long browsers use https alone; null where they are not told. */
  readonly hstsSeconds: number | null;
  /** How long requests may finish when HAProxy ends, or is loaded anew. */
  readonly drainMs: number;
}
