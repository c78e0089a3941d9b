import { constants, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { FailedError } from '../../errors.ts';
import { plain, quote, systemReason, systemRemedy } from '../../text.ts';

/** A certificate with its chain, and its key, both as PEM. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Certificate {
  readonly files: CertificateFiles;
  readonly pem: CertificateFiles;
  readonly context: SecureContext;
  /** The first host that it is for. */
  readonly name: string;
  /** Unix ms. */
  readonly endsAt: number;
  /** How well it serves a host: 2 by that very name, 1 by a wildcard, 0 not at all. */
  fits(host: string): 0 | 1 | 2;
}

/** Those that Mozilla calls intermediate: TLS 1.2 with forward secrecy and an AEAD, and TLS 1.3. */
export const CIPHERS = {
  tls13: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  tls12: [
    ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
    ...['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
    ...['ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ],
} as const;

/** How the door speaks TLS, whatever the certificate. */
export const TLS_RULES: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [...CIPHERS.tls13, ...CIPHERS.tls12].join(':'),
  // A client that asks for another handshake again and again would keep the door busy.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
};

/** @throws FailedError `certificate`, with what is wrong with which file */
export function readCertificate(files: CertificateFiles): Certificate {
  return certificateOf({ files, pem: { cert: readPem(files.cert), key: readPem(files.key) } });
}

/** One that another process has read, and where. */
export type GivenCertificate = Pick<Certificate, 'files' | 'pem'>;

/** @throws FailedError `certificate` */
export function certificateOf({ files, pem }: GivenCertificate): Certificate {
  const leaf = firstOf(files.cert, pem.cert);
  const name = leaf.subjectAltName ?? leaf.subject ?? '';
  return {
    files,
    pem,
    context: contextOf(files, pem, leaf),
    name: /(?:DNS|IP Address):([^,\s]+)/.exec(name)?.[1] ?? /CN=(.+)/.exec(name)?.[1] ?? files.cert,
    endsAt: Date.parse(leaf.validTo),
    fits(host) {
      const found = leaf.checkHost(host);
      if (found === undefined) return 0;
      return found.toLowerCase() === host.toLowerCase() ? 2 : 1;
    },
  };
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code !== 'string') throw error;
    const remedy = systemRemedy(error) ?? 'Name a file in PEM that this user may read';
    throw refusal(`cannot read ${quote(file)}: ${systemReason(error)}`, remedy, error);
  }
}

function firstOf(file: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    const remedy = 'Give --tls-cert the certificate in PEM, with its chain behind it';
    throw refusal(`${quote(file)} holds no certificate`, remedy, error);
  }
}

function contextOf(
  files: CertificateFiles,
  pem: CertificateFiles,
  leaf: X509Certificate,
): SecureContext {
  // OpenSSL would take a key of another kind for that of a certificate still to come.
  if (!leaf.checkPrivateKey(keyOf(files.key, pem.key))) throw notItsKey(files, leaf);
  try {
    return createSecureContext({ ...TLS_RULES, cert: pem.cert, key: pem.key });
  } catch (error) {
    const why = (error as Error).message.replace(/^error:[^:]*:/, '').replace(/^.*::/, '');
    const says = `${quote(files.cert)} is of no use: ${why}`;
    throw refusal(says, 'Look at it: `openssl x509 -text -in CERT`', error);
  }
}

function keyOf(file: string, pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    if (/^(?:-----BEGIN|Proc-Type:).*\bENCRYPTED\b/m.test(pem)) {
      const remedy =
        'Take it off: `openssl pkey -in KEY -out NEW`, and let only its user read that';
      throw refusal(`the key ${quote(file)} has a passphrase`, remedy, error);
    }
    const remedy = 'Give --tls-key the private key in PEM';
    throw refusal(`${quote(file)} holds no private key`, remedy, error);
  }
}

function notItsKey({ cert, key }: CertificateFiles, { subject }: X509Certificate): FailedError {
  const whose = plain(subject.replaceAll('\n', ', '));
  const says = `${quote(key)} is not the key of ${quote(cert)}, which is of ${whose}`;
  return refusal(says, 'Give each --tls-cert its own --tls-key, in the same order', null);
}

function refusal(message: string, remedy: string, cause: unknown): FailedError {
  return new FailedError('certificate', message, remedy, { cause });
}
