import type { Plugin } from 'esbuild';

/** The text of a script as Redis gets it. */
export function luaText(path: string): string;
export const luaForEsbuild: Plugin;
export const luaForVitest: { name: string; load(path: string): string | undefined };
