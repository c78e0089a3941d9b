export type PictureType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp' | 'image/avif';

export interface NewPicture {
  /** Its bytes, or what reads them when it is their turn: not used any more once it is sent. */
  readonly data: Buffer | (() => Promise<Buffer>);
  readonly type: PictureType;
  /** A clean base name of at most 100 characters. */
  readonly name: string;
}

export interface PictureInfo {
  readonly id: string;
  readonly type: PictureType;
  readonly size: number;
  readonly name: string;
}

export interface Picture extends PictureInfo {
  readonly data: Buffer;
}

export interface ClaimedPicture extends Picture {
  /** Proves the claim: to be given back with acknowledge, putBack and renew. */
  readonly claim: string;
}
