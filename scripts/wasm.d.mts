import type { Plugin } from 'esbuild';

export const wasmForEsbuild: Plugin;
export const wasmForVitest: {
  name: string;
  enforce: 'pre';
  resolveId(name: string): string | undefined;
  load(name: string): string | undefined;
};
