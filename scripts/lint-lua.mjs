// Checks the scripts that Redis runs with luacheck. Where that is missing they are not checked.

import { spawnSync } from 'node:child_process';
import { root } from './bundle.mjs';

const { error, status } = spawnSync('luacheck', ['--quiet', 'src/store/scripts'], {
  cwd: root,
  stdio: 'inherit',
});
if (error && !('code' in error && error.code === 'ENOENT')) throw error;
if (error) process.stderr.write('luacheck is not installed (Debian: lua-check): Lua not checked\n');
process.exitCode = error ? 0 : (status ?? 1);
