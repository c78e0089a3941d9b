const push = `
for i = 2, #ARGV do redis.call('LPUSH', KEYS[1], ARGV[i]) end
redis.call('LTRIM', KEYS[1], 0, ARGV[1])
`;

/**
 * KEYS recent. ARGV index of the last visit to keep, path…, oldest first.
 * `allow-oom`: the list is trimmed at once, so it cannot grow.
 */
export const pushVisits = `#!lua flags=allow-oom
${push}
return 1
`;

/** The same, and returns what is there then, newest first. */
export const pushAndRead = `#!lua flags=allow-oom
${push}
return redis.call('LRANGE', KEYS[1], 0, ARGV[1])
`;
