import { Socket } from 'node:net';
import { exitCodes } from '../errors.ts';

const GO_FD = 4;

/** Resolves when whoever started this process lets it go on, and ends it when that one is gone. */
export function letGo(host: NodeJS.Process): Promise<void> {
  return new Promise((resolve) => {
    const pipe = new Socket({ fd: GO_FD });
    let goes = false;
    pipe.on('error', () => {});
    pipe.once('close', () => goes || host.exit(exitCodes.failed));
    pipe.once('data', () => {
      goes = true;
      pipe.destroy();
      resolve();
    });
  });
}
