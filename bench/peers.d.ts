// Installed by the first bench alone (lib/peers.mjs), so that types are checked without them.
declare module 'fast-proxy';
declare module 'http-proxy-middleware';
declare module 'httpxy';
