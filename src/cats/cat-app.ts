import { defaults } from '../defaults.ts';
import { withoutRedis } from '../forgive.ts';
import type { CreateApp } from '../hosting/app.ts';
import type { Store } from '../store/store.ts';
import { createKoa, isUpload } from './app.ts';
import { createDeliveries } from './deliveries.ts';
import { UploadRoom } from './upload/budget.ts';

export interface UploadLimits {
  /** Where what memory has no room for is kept meanwhile. */
  readonly folder?: string;
  readonly memoryBytes?: number;
  readonly diskBytes?: number;
  /** How long a client may be silent in mid-upload. */
  readonly idleMs?: number;
}

export interface CatDeps {
  readonly store: Store;
  /** What uploads may take; by itself memory alone. */
  readonly uploads?: UploadLimits;
  log(line: string): void;
}

/** The built-in app. */
export function catApp({ store, uploads = {}, log }: CatDeps): CreateApp {
  return (identity) => {
    const deliveries = createDeliveries(store.images);
    const room = new UploadRoom({ ...uploads, log });
    const { idleMs = defaults.bodyIdleMs } = uploads;
    return {
      request: createKoa(
        { store, deliveries, uploads: { room, idleMs }, log },
        identity,
      ).callback(),
      asksForBody: isUpload,
      upgrade: null,
      start: () => room.sweep(),
      async beat() {
        await deliveries.renew();
        await store.images.requeueExpired().catch(withoutRedis(null));
      },
    };
  };
}
