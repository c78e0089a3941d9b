// Draws img/*.{jpg,png,webp,gif} from the SVGs here. Run: node scripts/pictures/render.mjs
// The renderer has a package.json of its own, so that meowctl's own install stays light.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const sources = new URL('./', import.meta.url);
const pictures = new URL('../../img/', import.meta.url);

// The tail's swing, and the eyes: shut in the last frame but one.
const frames = [
  { tail: 1, eyes: 'open', ms: 260 },
  { tail: 2, eyes: 'open', ms: 120 },
  { tail: 3, eyes: 'open', ms: 260 },
  { tail: 4, eyes: 'shut', ms: 140 },
  { tail: 2, eyes: 'open', ms: 120 },
];

installRenderer();
const sharp = createRequire(sources)('sharp');
await save('morning.jpg', still('morning').flatten().jpeg({ quality: 88, mozjpeg: true }));
await save('night.png', still('night').png({ palette: true, effort: 10 }));
await save('box.webp', still('box').webp({ quality: 88, effort: 6 }));
await save('tail.gif', await moving('tail'));

function installRenderer() {
  if (existsSync(new URL('node_modules/sharp', sources))) return;
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const { status } = spawnSync(npm, ['ci'], { cwd: fileURLToPath(sources), stdio: 'inherit' });
  if (status !== 0) throw new Error('npm ci failed in scripts/pictures');
}

function still(name) {
  return sharp(fileURLToPath(new URL(`${name}.svg`, sources)));
}

async function moving(name) {
  const svg = readFileSync(new URL(`${name}.svg`, sources), 'utf8');
  const pages = await Promise.all(
    frames.map((frame) =>
      sharp(Buffer.from(only(svg, frame)))
        .png()
        .toBuffer(),
    ),
  );
  const delay = frames.map((frame) => frame.ms);
  return sharp(pages, { join: { animated: true } }).gif({ delay, loop: 0, effort: 10, dither: 0 });
}

/** Hides every group that belongs to another frame. */
function only(svg, { tail, eyes }) {
  const shown = new Set([`frame-${tail}`, eyes]);
  return svg.replace(/<g id="([^"]+)"/g, (group, id) =>
    shown.has(id) ? group : `${group} display="none"`,
  );
}

async function save(name, picture) {
  const {
    size,
    width,
    height,
    pageHeight = height,
  } = await picture.toFile(fileURLToPath(new URL(name, pictures)));
  console.log(`${name}: ${width}×${pageHeight}, ${Math.ceil(size / 1024)} KiB`);
}
