import { defaults } from '../defaults.ts';
import type { OpenSocket } from '../listen.ts';
import type { RetryMode } from './exchange/retry-policy.ts';
import type { OwnAddress } from './upstream/address-policy.ts';
import type { Balance } from './upstream/balancer.ts';

type Limit =
  | 'bodyIdleMs'
  | 'clientHeaderMs'
  | 'clientKeepAliveMs'
  | 'clientRequestMs'
  | 'doorConnectMs'
  | 'doorIdleMs'
  | 'doorWatchMs'
  | 'expectWaitMs'
  | 'figuresKeepMs'
  | 'handshakeMs'
  | 'lateBeatMs'
  | 'leaseMs'
  | 'lingerIdleMs'
  | 'lingerMs'
  | 'maxHeaderBytes'
  | 'maxHeaderLines'
  | 'maxInflight'
  | 'maxInterimAnswers'
  | 'maxLingerMs'
  | 'maxPoison'
  | 'maxPoolServers'
  | 'maxRequestNotes'
  | 'maxStreams'
  | 'poisonWindowMs'
  | 'probeFailuresToEject'
  | 'probeMs'
  | 'probesToReadmit'
  | 'probeTimeoutMs'
  | 'resetsToEject'
  | 'resetWindowMs'
  | 'readyTimeoutMs'
  | 'responseHeaderMs'
  | 'retries'
  | 'retryFloor'
  | 'retryShare'
  | 'retryWindowMs'
  | 'recordKeepMs'
  | 'registryReadMs'
  | 'rosterKeepMs'
  | 'streamDrainMs'
  | 'streamIdleMs'
  | 'upgradeCloseMs';

/** All that one door can be told. The limits are those of defaults.ts, under the same names. */
export interface DoorOptions extends Readonly<Record<Limit, number>> {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** A socket that listens there already. */
  readonly open?: OpenSocket | undefined;
  /** Servers are about to be started: until `Door.started`, requests wait for the first. */
  readonly starting: boolean;
  /** Whether requests are counted; false to measure what that costs. */
  readonly figures: boolean;
  /** Where else this process listens: no server is there either. */
  readonly alsoOurs: readonly OwnAddress[];
  readonly balance: Balance;
  /** `connect` never repeats a request that may have reached a server. */
  readonly retry: RetryMode;
  /** Addresses, networks (CIDR) and names that servers may be at. */
  readonly allowBackends: readonly string[];
  /** Peers whose X-Forwarded-* and X-Request-Id are believed and added to. */
  readonly trustProxy: readonly string[];
}

export const LOOPBACK: readonly string[] = Object.freeze(['127.0.0.0/8', '::1/128', 'localhost']);

/** The defaults, with what was asked for on top. */
export function doorOptions(given: Partial<DoorOptions> = {}): DoorOptions {
  const { doorHost: host, doorPort: port, ...limits } = defaults;
  return {
    ...limits,
    host,
    port,
    starting: false,
    figures: true,
    alsoOurs: [],
    allowBackends: LOOPBACK,
    trustProxy: [],
    ...given,
  };
}
