/**
 * The port of a server that listens on one.
 * @param {import('node:net').Server} server
 * @returns {number}
 */
export function portOf(server) {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : Number.NaN;
}
