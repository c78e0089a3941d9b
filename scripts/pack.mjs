// Run by npm around `npm pack`. The bundle holds what it was built from, so what is published asks for
// none of it; the package.json of the repository goes on naming it.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { bundle, root } from './bundle.mjs';

const own = `${root}package.json`;
const kept = `${root}package.json.kept`;
/** What nobody needs who only runs it. */
const OURS = ['scripts', 'devDependencies', 'allowScripts'];

const [step] = process.argv.slice(2);
if (step === 'before') await before();
else if (step === 'after') putBack();
else refuse();

async function before() {
  putBack(); // one that was interrupted
  const metafile = await bundle();
  const text = readFileSync(own, 'utf8');
  writeFileSync(kept, text);
  replace(own, `${JSON.stringify(published(JSON.parse(text), metafile), null, 2)}\n`);
}

function putBack() {
  if (!existsSync(kept)) return;
  const isPublished = JSON.parse(readFileSync(own, 'utf8')).scripts === undefined;
  if (isPublished) renameSync(kept, own);
  else rmSync(kept);
}

function published(manifest, metafile) {
  const left = Object.entries(manifest).filter(([name]) => !OURS.includes(name));
  const loaded = loadedPackages(metafile);
  const dependencies = Object.entries(manifest.dependencies).filter(([name]) => loaded.has(name));
  const { dependencies: _, ...rest } = Object.fromEntries(left);
  return dependencies.length === 0
    ? rest
    : { ...rest, dependencies: Object.fromEntries(dependencies) };
}

/** What the bundle takes from node_modules when it runs. */
function loadedPackages({ outputs }) {
  const paths = Object.values(outputs)
    .flatMap(({ imports }) => imports)
    .filter(({ external }) => external)
    .map(({ path }) => path);
  const names = paths.map((path) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  return new Set(
    names.filter((name) => name && !name.startsWith('node:') && !builtinModules.includes(name)),
  );
}

// There is a whole one at every moment.
function replace(path, text) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

// npm would send the registry the package.json as it is after packing.
function refuse() {
  process.stderr.write('pack: this folder is not what is published\n');
  process.stderr.write('  Run: npm publish "$(npm pack --silent)"\n');
  process.exitCode = 1;
}
