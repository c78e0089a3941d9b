import { type Stats, statSync } from 'node:fs';
import { type MeowError, toMeowError } from '../../errors.ts';
import { type Background, repeat } from '../../loop.ts';
import { plain } from '../../text.ts';
import { type Certificate, type CertificateFiles, readCertificate } from './certificate.ts';
import { CertificateSet } from './certificate-set.ts';

/** How often files are looked at. */
const LOOK_MS = 1_000;
/** A file that is half written, or half of a pair, is broken for a moment. */
const LOOKS_TO_SAY = 3;

/** Those that are read again when their files change. */
export class Certificates extends CertificateSet {
  readonly #seen: string[];
  /** Looks in a row at which the files of each were broken. */
  readonly #broken: number[];
  readonly #log: (line: string) => void;

  /** @throws FailedError where one cannot be used */
  constructor(files: readonly CertificateFiles[], log: (line: string) => void) {
    const seen = files.map(stampOf);
    super(files.map(readCertificate));
    this.#log = log;
    this.#seen = seen;
    this.#broken = files.map(() => 0);
  }

  /** Looks at the files from now on. */
  watch(): Background {
    return repeat({
      name: 'certificates',
      every: () => LOOK_MS,
      work: () => this.look(),
      log: this.#log,
      unref: true,
    });
  }

  /** Reads again what has changed. What cannot be used is said once, and the one before it stays. */
  look(): void {
    this.all.forEach(({ files }, at) => {
      const stamp = stampOf(files);
      if (stamp === this.#seen[at]) {
        this.#broken[at] = 0;
        return;
      }
      try {
        this.#use(at, readCertificate(files));
        this.#seen[at] = stamp;
      } catch (error) {
        this.#isBroken(at, stamp, toMeowError(error));
      }
    });
  }

  #use(at: number, read: Certificate): void {
    this.replace(this.all.with(at, read));
    this.#broken[at] = 0;
    const until = new Date(read.endsAt).toISOString().slice(0, 10);
    this.#log(`the certificate for ${plain(read.name)} was read again: it ends on ${until}`);
  }

  #isBroken(at: number, stamp: string, { message, remedy }: MeowError): void {
    const looks = (this.#broken[at] ?? 0) + 1;
    this.#broken[at] = looks;
    if (looks < LOOKS_TO_SAY) return;
    this.#broken[at] = 0;
    this.#seen[at] = stamp;
    this.#log(`the certificate before is kept: ${message}. ${remedy}`);
  }
}

/** Changes with the files, also where what a link points to does. */
function stampOf({ cert, key }: CertificateFiles): string {
  return [cert, key].map(fileStamp).join(' ');
}

// Whatever is in the way of a file, the look at the others goes on; reading it says what it is.
function fileStamp(file: string): string {
  try {
    return stampIn(statSync(file));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw error;
    return code;
  }
}

function stampIn(found: Stats): string {
  return [found.dev, found.ino, found.size, found.mtimeMs, found.ctimeMs].join('.');
}
