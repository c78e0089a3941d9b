#!/bin/sh
':' //; exec node -- "$0" "$@" # without --, Node takes an --env-file for its own, even behind a script
// In words that any Node understands, so that one that is too old can say so.
const { accessSync, constants, existsSync } = require('fs');
const { join } = require('path');

const root = join(__dirname, '..');
const files = ['start.cjs', 'meowctl.cjs', 'program-server.cjs', 'load-app.cjs'].map((name) => join(root, 'dist', name));
const trouble = oldNode() || files.map(whyNot).find(Boolean);
if (trouble) {
  process.stderr.write(`meowctl: ${trouble[0]}\n  ${trouble[1]}\n`);
  process.exitCode = 1;
} else require(files[0]);

function oldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return null;
  return [`Node ${process.versions.node} is too old`, 'Install Node 20.19 or newer'];
}

function whyNot(file) {
  try {
    accessSync(file, constants.R_OK);
    return null;
  } catch (error) {
    if (error.code === 'EACCES') return [`may not read ${file}`, `Run: chmod -R a+rX ${root}`];
    const isClone = existsSync(join(root, 'scripts', 'build.mjs'));
    const remedy = isClone ? `Run: npm ci   (in ${root})` : 'Run: npm install -g meowctl';
    return [`${isClone ? 'it is not built' : 'its installation is not whole'}: ${file} is missing`, remedy];
  }
}
