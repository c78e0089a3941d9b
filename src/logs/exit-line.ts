import { logPath, tail } from './files.ts';

const LINE = /^meowctl: (ended with exit code \d{1,3}), and nobody had told it to leave$/;
/** Others may have written below it. */
const LOOKED_AT = 5;

/**
 * Says in a server's own log how its process ended, where that calls process.exit() or throws: who did
 * not start it is told by nobody else.
 * @param wasTold whether it was told to leave
 */
export function sayExit(
  proc: NodeJS.Process,
  wasTold: () => boolean,
  say: (line: string) => void,
): void {
  proc.once('exit', (code) => {
    if (!wasTold()) say(`meowctl: ended with exit code ${code}, and nobody had told it to leave`);
  });
}

/** How the process of a server ended, by its log; null where that does not tell. */
export function exitInLog(home: string, id: string): string | null {
  const line = tail(logPath(home, id), LOOKED_AT).findLast((each) => LINE.test(each));
  return LINE.exec(line ?? '')?.[1] ?? null;
}
