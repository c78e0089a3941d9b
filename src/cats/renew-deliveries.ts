import { withoutRedis } from '../expected-errors.ts';
import type { ClaimedPicture } from '../model/picture.ts';
import type { Pictures } from '../store/store.ts';

/** The pictures that are being sent at this moment, so that the beat can give them more time. */
export interface Deliveries {
  begin(picture: ClaimedPicture): void;
  end(picture: ClaimedPicture): void;
  renew(): Promise<void>;
}

export function createDeliveries(images: Pictures): Deliveries {
  const sending = new Set<ClaimedPicture>();
  return {
    begin: (picture) => void sending.add(picture),
    end: (picture) => void sending.delete(picture),
    async renew() {
      const all = [...sending].map(({ id, claim }) =>
        images.renew(id, claim).catch(withoutRedis(null)),
      );
      await Promise.all(all); // a picture that could not be renewed goes back by itself
    },
  };
}
