import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertificateFiles } from '../../src/proxy/tls/certificate.ts';

export function certificateFolder(): string {
  return mkdtempSync(join(tmpdir(), 'meowctl-tls-'));
}

/** Makes a self-signed certificate for these names; over the one that is there, if any. */
export function makeCertificate(
  folder: string,
  names: readonly [string, ...string[]],
  days = 90,
  file = names[0],
): CertificateFiles {
  const files = { cert: join(folder, `${file}.pem`), key: join(folder, `${file}.key`) };
  const alt = names.map((name) => (/^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`));
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const out = ['-keyout', files.key, '-out', files.cert, '-days', String(days)];
  const about = ['-subj', `/CN=${names[0]}`, '-addext', `subjectAltName=${alt.join(',')}`];
  execFileSync('openssl', ['req', '-x509', ...ec, ...out, ...about], { stdio: 'pipe' });
  return files;
}
