import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const LICENSE = /^(licen[cs]e|copying|notice)\b/i;

/**
 * The packages whose files are in the bundle, as node_modules names them.
 * @param {{ inputs: Record<string, unknown> }} metafile esbuild's
 * @returns {{ name: string, folder: string }[]}
 */
export function bundledPackages({ inputs }) {
  const folders = Object.keys(inputs).map(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0],
  );
  return [...new Set(folders.filter((folder) => folder !== undefined))]
    .sort()
    .map((folder) => ({ folder, name: folder.slice(folder.lastIndexOf('node_modules/') + 13) }));
}

/** What the licences of bundled packages ask for: the notice of each, in full. */
export function licenseTexts(metafile, root) {
  return bundledPackages(metafile)
    .map(({ folder }) => noticeOf(resolve(root, folder)))
    .join(`\n${'-'.repeat(72)}\n\n`);
}

function noticeOf(folder) {
  const { name, version, license, licenses } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  );
  const texts = readdirSync(folder)
    .filter((file) => LICENSE.test(file))
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  if (texts.length === 0) texts.push(fromReadme(folder, name));
  const kind = license ?? licenses?.map(({ type }) => type).join(', ');
  return `${name} ${version} (${kind})\n\n${texts.join('\n\n')}\n`;
}

function fromReadme(folder, name) {
  const readme = readdirSync(folder).find((file) => /^readme/i.test(file));
  const text = readme ? readFileSync(join(folder, readme), 'utf8') : '';
  const [section = ''] = /^#+\s*licen[cs]e\b[\s\S]*/im.exec(text) ?? [];
  if (/permission is hereby granted/i.test(section)) return section.trim();
  if (/\bMIT\b/.test(section)) return `Copyright (c) the authors of ${name}\n\n${MIT}`;
  throw new Error(`package ${name} is in the bundle, and its licence text is not to be found`);
}

/** https://spdx.org/licenses/MIT */
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction, including
without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the
following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO
EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER
IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE
USE OR OTHER DEALINGS IN THE SOFTWARE.`;
