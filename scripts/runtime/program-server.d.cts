// Beside this file once both are in dist/: src/cli/program-server.ts, bundled.
export function startProgramServer(process: NodeJS.Process, root: string): boolean;
