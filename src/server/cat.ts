import type { Store } from '../store/store.ts';
import { reason } from '../text.ts';
import { createApp } from './app.ts';
import { createDeliveries } from './deliveries.ts';
import type { CreateHosted } from './hosted.ts';

export interface CatDeps {
  readonly store: Store;
  log(line: string): void;
}

/** The built-in app as a server hosts it. */
export function hostCat({ store, log }: CatDeps): CreateHosted {
  return (identity) => {
    const deliveries = createDeliveries(store.images);
    return {
      request: createApp({ store, deliveries, log }, identity).callback(),
      upgrade: null,
      async beat() {
        await deliveries.renew();
        await store.images.requeueExpired().catch(reason);
      },
    };
  };
}
