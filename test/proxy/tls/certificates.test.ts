import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Certificates } from '../../../src/proxy/tls/certificates.ts';
import { certificateFolder, makeCertificate } from '../../helpers/certificates.ts';

const folder = certificateFolder();
afterAll(() => rmSync(folder, { recursive: true }));

/** A file that leads to itself, or stands in a folder that is none: no look at it works. */
const ways: readonly [what: string, spoil: (own: string) => void, words: RegExp][] = [
  [
    'a link to itself',
    (own) => {
      unlinkSync(join(own, 'one.pem'));
      symlinkSync('one.pem', join(own, 'one.pem'));
    },
    /one\.pem": too many symbolic links/,
  ],
  [
    'a folder that is a file',
    (own) => {
      rmSync(own, { recursive: true });
      writeFileSync(own, '');
    },
    /one\.pem": not a directory/,
  ],
];

test.each(ways)(
  'where %s is in the way of one, the others are read again',
  (what, spoil, words) => {
    const own = join(folder, what);
    mkdirSync(own);
    const first = makeCertificate(own, ['one.test'], 90, 'one');
    const second = makeCertificate(folder, ['two.test'], 90, 'two');
    const lines: string[] = [];
    const certificates = new Certificates([first, second], (line) => lines.push(line));
    const names = () => certificates.all.map(({ name }) => name);

    spoil(own);
    makeCertificate(folder, ['three.test'], 90, 'two');
    for (let looks = 0; looks < 5; looks += 1) certificates.look();
    expect(names()).toEqual(['one.test', 'three.test']);
    expect(lines.filter((line) => line.includes('was read again'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes('is kept'))).toEqual([
      expect.stringMatching(words),
    ]);

    const later = `${own} later`;
    mkdirSync(later);
    makeCertificate(later, ['four.test'], 90, 'one');
    rmSync(own, { recursive: true });
    renameSync(later, own);
    certificates.look();
    expect(names()).toEqual(['four.test', 'three.test']);
  },
);
