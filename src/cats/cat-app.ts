import { withoutRedis } from '../expected-errors.ts';
import type { CreateApp } from '../hosting/app.ts';
import type { Store } from '../store/store.ts';
import { createDeliveries } from './renew-deliveries.ts';
import { type AppLimits, createKoa, isUpload } from './routes.ts';
import { type RoomLimits, UploadRoom } from './upload/budget.ts';

/** The defaults of the same names, or others. */
export type CatLimits = AppLimits & RoomLimits;

export interface CatDeps {
  readonly store: Store;
  /** Where uploads are kept that memory has no room for; null for nowhere. */
  readonly spoolFolder: string | null;
  readonly limits: CatLimits;
  /** Whether an upload waits until a replica of Redis has it too: not by itself. */
  readonly durable?: boolean;
  log(line: string): void;
}

/** The built-in app. */
export function catApp(deps: CatDeps): CreateApp {
  const { store, spoolFolder, limits, durable = false, log } = deps;
  return (identity) => {
    const deliveries = createDeliveries(store.images);
    const room = new UploadRoom(spoolFolder, limits, log);
    return {
      request: createKoa({ store, deliveries, room, limits, durable, log }, identity).callback(),
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
