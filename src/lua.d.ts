/** A script for Redis, as scripts/lua.mjs loads it. */
declare module '*.lua' {
  const text: string;
  export default text;
}
