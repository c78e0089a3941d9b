import { join } from 'node:path';

/*
 * nginx without root and without the machine's own folders: all that it writes goes into one of ours.
 */

/** @param {string} folder @param {string} file its config */
export function nginxArgs(folder, file) {
  return ['-p', folder, '-e', 'stderr', '-c', file];
}

/**
 * What stands in its config for that, before `http` and in it.
 * @param {string} folder
 * @param {string} name tells several of them apart
 */
export function nginxPlaces(folder, name) {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return {
    pid: `pid ${join(folder, `${name}.pid`)};`,
    temporary: kinds
      .map((kind) => `${kind}_temp_path ${join(folder, `${name}-${kind}`)};`)
      .join(' '),
  };
}
