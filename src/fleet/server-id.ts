import { randomInt } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz23456789';
const LENGTH = 6;

/** A server's name for life: 6 random characters of `[a-z2-9]`, 1.5 thousand million of them. */
export function createServerId(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
