import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { withoutSystem } from '../expected-errors.ts';
import type { Reply } from './responses/reply.ts';
import type { Route } from './responses/router.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** What the page may do: run its own files, ask its own door, and show pictures that it was given. */
const PAGE_POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' blob:"],
  ...["connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"],
].join('; ');

interface PageFile {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly type: string;
}

/** The page's files, read once, each under its own name, and the first one under `/`. */
export function pageRoutes(folder: string): Route[] {
  const names = namesIn(folder).filter((name) => extname(name) in TYPES);
  const named = names.map((name) => pageRoute(`/${name}`, fileOf(join(folder, name))));
  const index = names.includes('index.html') ? fileOf(join(folder, 'index.html')) : noPage();
  return [pageRoute('/', index), ...named];
}

function pageRoute(path: string, file: PageFile): Route {
  return {
    path,
    methods: { GET: ({ request }) => answer(file, request.headers['if-none-match']) },
  };
}

// A new version of meowctl has new files under the same names, so it is asked each time.
function answer({ bytes, etag, type }: PageFile, known: string | undefined): Reply {
  const headers = {
    'Content-Type': type,
    'Content-Security-Policy': PAGE_POLICY,
    'Cache-Control': 'no-cache',
    ETag: etag,
  };
  const isKnown = known?.split(/, */).some((one) => one === etag || one === `W/${etag}`) ?? false;
  return isKnown ? { status: 304, body: '', headers } : { status: 200, body: bytes, headers };
}

function fileOf(path: string): PageFile {
  return pageFile(readFileSync(path), TYPES[extname(path)] ?? 'application/octet-stream');
}

function pageFile(bytes: Buffer, type: string): PageFile {
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { bytes, etag, type };
}

function noPage(): PageFile {
  const text = 'This build of meowctl has no page: see GET /overview for the figures.\n';
  return pageFile(Buffer.from(text), 'text/plain; charset=utf-8');
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    return withoutSystem([])(error);
  }
}
