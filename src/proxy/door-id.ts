import { randomInt } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz23456789';
const LENGTH = 6;

/** A door's name for one run, in the manner of server ids. */
export function createDoorId(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

/** Its name in Via. Servers know a door's connections by it: those are the door's to close. */
export function viaName(doorId: string): string {
  return `meow-${doorId}`;
}
