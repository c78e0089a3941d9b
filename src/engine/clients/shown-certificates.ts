import { join } from 'node:path';
import type { Certificate } from '../../proxy/tls/certificate.ts';
import type { Certificates } from '../../proxy/tls/certificates.ts';
import { writeWhole } from '../../state/whole-file.ts';
import { plain } from '../../text.ts';
import { bundleName } from '../config/tls-lines.ts';
import type { RuntimeSocket } from '../runtime/runtime-socket.ts';

const BLOCKS = /-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g;

/** The certificates that one HAProxy shows: in files for its start, over its runtime socket when they change. */
export class ShownCertificates {
  readonly #certificates: Certificates;
  readonly #folder: string;
  readonly #log: (line: string) => void;
  /** Those that HAProxy takes, as far as it was asked. */
  #good: readonly Certificate[];
  #told: readonly Certificate[] = [];
  #runtime: RuntimeSocket | null = null;

  /** @param folder where HAProxy looks for them */
  constructor(certificates: Certificates, folder: string, log: (line: string) => void) {
    this.#certificates = certificates;
    this.#folder = folder;
    this.#log = log;
    this.#good = certificates.all;
  }

  /** What HAProxy reads at its start. */
  write(): void {
    for (const at of this.#good.keys()) this.#writeOne(at);
  }

  /** One that was started by somebody else, or with other files, is told all of them. */
  async settle(runtime: RuntimeSocket): Promise<void> {
    if (runtime !== this.#runtime) this.#told = [];
    this.#runtime = runtime;
    const { all } = this.#certificates;
    for (const [at, certificate] of all.entries()) {
      if (this.#told[at] !== certificate) await this.#tell(runtime, at, certificate);
    }
    this.#told = all;
  }

  async #tell(runtime: RuntimeSocket, at: number, certificate: Certificate): Promise<void> {
    const name = bundleName(at);
    const said = await replace(runtime, name, bundle(certificate));
    if (said !== null) {
      await runtime.ask(`abort ssl cert ${name}`);
      const why = plain(said).slice(0, 200);
      this.#log(`the certificate before is kept: HAProxy does not take the new one: ${why}`);
      return;
    }
    this.#good = this.#good.with(at, certificate);
    this.#writeOne(at);
  }

  #writeOne(at: number): void {
    const certificate = this.#good[at];
    if (certificate) writeWhole(join(this.#folder, bundleName(at)), bundle(certificate));
  }
}

/** @returns what HAProxy says against it; null where it shows it from now on */
async function replace(runtime: RuntimeSocket, name: string, pem: string): Promise<string | null> {
  const set = await runtime.ask(`set ssl cert ${name}`, pem);
  if (!/^Transaction (?:created|updated)/.test(set)) return set;
  const committed = await runtime.ask(`commit ssl cert ${name}`);
  return committed.endsWith('Success!') ? null : committed;
}

/** Chain and key, without what stands between them: an empty line would end the command. */
function bundle({ pem }: Certificate): string {
  const blocks = `${pem.cert}\n${pem.key}`.match(BLOCKS) ?? [];
  const lines = blocks.join('\n').split(/\r?\n/);
  return `${lines.filter((line) => line.trim() !== '').join('\n')}\n`;
}
