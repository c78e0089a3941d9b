/** A message and how long it has left in ms. KEYS message. A full or read-only Redis reads too. */
export const readMessage = `#!lua flags=no-writes,allow-oom
return { redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1]) }
`;
