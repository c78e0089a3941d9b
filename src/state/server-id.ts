import { randomInt } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz23456789';
const LENGTH = 6;

/** A server's name for life: 6 random characters of `[a-z2-9]`, 1.5 thousand million of them. */
export function createServerId(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** Whether a text could be a server's id: then it is safe as part of a file name too. */
export function isServerId(text: string): boolean {
  return /^[a-z2-9]{6}$/.test(text);
}
