import { randomInt } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz23456789';
const LENGTH = 6;
const HOST_LENGTH = 16;
const SERVER_ID = new RegExp(`^[a-z2-9]{${LENGTH}}$`);
const HOST_ID = new RegExp(`^[a-z2-9]{${HOST_LENGTH}}$`);

/** The name of a server or a door for life: 6 random characters of `[a-z2-9]`, 1.5 thousand million of them. */
export function createId(): string {
  return randomText(LENGTH);
}

/** Whether a text could be the id of a server: then it is safe as part of a file name too. */
export function isServerId(text: string): boolean {
  return SERVER_ID.test(text);
}

/** How a door names itself in `Via`. Servers know its connections by it: those are the door's to close. */
export function viaName(doorId: string): string {
  return `meow-${doorId}`;
}

/** Finds that name. */
export const DOOR_NAME = /\bmeow-[a-z2-9]{6}\b/;

/** The name of a state folder. */
export function createHostId(): string {
  return randomText(HOST_LENGTH);
}

export function isHostId(text: string): boolean {
  return HOST_ID.test(text);
}

function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
