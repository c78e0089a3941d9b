/** What type of key a command works on, by its first letter; `SET`, `DEL` and the like take any. */
const types: readonly (readonly [commands: RegExp, type: string])[] = [
  [/^H/, 'hash'],
  [/^Z/, 'zset'],
  [/^L/, 'list'],
  [/^X/, 'stream'],
  [/^S(ADD|REM|MEMBERS|CARD)$/, 'set'],
  [/^(GET|STRLEN|INCRBY)$/, 'string'],
];

/**
 * A script stops where Redis refuses one of its commands, and what it wrote before stays. So each
 * asks first whether it may run all of them and whether its keys are of the types it needs, and
 * does all or nothing. What it runs by `pcall` or `soft` may fail by itself.
 */
export function guarded(script: string, keys: readonly string[]): string {
  const [shebang = '', ...body] = script.split('\n');
  return [shebang, mayRun(script), areOfType(script, keys), ...body].join('\n');
}

/** Answers as the script would where it is refused, and changes nothing. Needs a zset as KEYS[2]. */
export function rehearsed(script: string, keys: readonly string[]): string {
  const [shebang = ''] = script.split('\n');
  // A command that writes, so that Redis judges it as one; XX: there is no such member to change.
  const idle = "redis.call('ZADD', KEYS[2], 'XX', 1, '')";
  return [shebang, mayRun(script), areOfType(script, keys), idle, 'return 1'].join('\n');
}

/** The commands a script cannot do without. */
export function commandsOf(script: string): string[] {
  const used = [...script.matchAll(/\b(?:redis\.call|soft)\('([A-Z]+)'/g)].map(([, name]) => name);
  return [...new Set(['TYPE', ...used])].filter((name) => name !== undefined);
}

// Redis 7.0 reads past the arguments of a command that it is asked about with too few, and crashes.
// So each is asked about with as many as any of ours needs, all of them a key: no command takes them
// for one of somebody else's.
function mayRun(script: string): string {
  const names = commandsOf(script).map((name) => `'${name}'`);
  return `
local key = KEYS[1]
for _, name in ipairs({${names}}) do
  local known, may = pcall(redis.acl_check_cmd, name, key, key, key, key)
  if not known then return redis.error_reply("ERR unknown command '" .. name .. "'") end
  if not may then return redis.error_reply("NOPERM no permissions to run the '" .. name .. "' command") end
end`;
}

function areOfType(script: string, keys: readonly string[]): string {
  const expected = new Map<number, string>();
  for (const [, command = '', key = ''] of script.matchAll(/redis\.call\('(\w+)', (\w+)\b/g)) {
    const found = types.find(([commands]) => commands.test(command));
    if (found && keys.includes(key)) expected.set(keys.indexOf(key) + 1, found[1]);
  }
  const pairs = [...expected].map(([at, type]) => `[${at}]='${type}'`);
  return `
for at, expected in pairs({${pairs}}) do
  local is = redis.call('TYPE', KEYS[at]).ok
  if is ~= 'none' and is ~= expected then
    return redis.error_reply('WRONGTYPE the key ' .. KEYS[at] .. ' holds a ' .. is)
  end
end`;
}
