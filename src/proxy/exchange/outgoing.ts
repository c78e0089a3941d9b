import type { Stick } from '../sticky/cookie.ts';

/** What is sent to whichever server it goes to. */
export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly lines: string[];
  /** Where in `lines` the name of this request goes. */
  readonly attemptAt: readonly number[];
  readonly attempt: string;
  readonly hasBody: boolean;
  /** `Expect: 100-continue`: the server says whether it wants the body. */
  readonly expecting: boolean;
  /** The server that its client is used to; null where that counts for nothing. */
  readonly stick: Stick | null;
}
