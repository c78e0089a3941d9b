// Copied to dist/ by the build. Keeps what V8 has compiled for the next runs: beside the bundle where
// that folder is ours, else in the state folder. Where neither can be written, nothing is said.
const fs = require('node:fs');
const { basename, dirname, join } = require('node:path');

/** For several versions of Node and meowctl that share a folder. */
const KEPT = 4;
const ABANDONED_MS = 60_000;

module.exports = function keepCache({ script, folders, name, mode, isOurs }) {
  const data = script.createCachedData();
  for (const folder of folders) {
    try {
      make(folder, isOurs);
      if (!isOurs(fs.statSync(folder))) continue;
      write(join(folder, name), data, mode);
      sweep(folder);
      return;
    } catch {
      // Read-only, full, or gone: the next one, or none.
    }
  }
};

/** The state folder itself is made by who has more to write in it. */
function make(folder, isOurs) {
  const home = dirname(folder);
  if (basename(folder) !== 'cache' || fs.existsSync(folder) || !isOurs(fs.statSync(home))) return;
  fs.mkdirSync(folder, { mode: 0o700 });
}

/** Whole or not at all; of several at once the last one stays. */
function write(path, data, mode) {
  const draft = `${path}.${process.pid}`;
  try {
    fs.writeFileSync(draft, Buffer.concat([data, data]), { flag: 'wx', mode });
    fs.renameSync(draft, path);
  } catch (error) {
    if (error.code !== 'EEXIST') fs.rmSync(draft, { force: true });
    throw error;
  }
}

function sweep(folder) {
  const found = fs
    .readdirSync(folder)
    .filter((file) => /^meowctl-[\w.-]+\.cache(\.\d+)?$/.test(file))
    .map((file) => ({ path: join(folder, file), at: fs.statSync(join(folder, file)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  const whole = found.filter(({ path }) => path.endsWith('.cache')).slice(KEPT);
  const drafts = found.filter(({ path }) => !path.endsWith('.cache'));
  const old = drafts.filter(({ at }) => Date.now() - at > ABANDONED_MS);
  for (const { path } of [...whole, ...old]) fs.rmSync(path, { force: true });
}
