import { join } from 'node:path';
import { outliveTerminal } from './context/lost-terminal.ts';
import { run } from './run.ts';

outliveTerminal(process);
void run(process, join(__dirname, '..')).then((code) => {
  process.exitCode = code;
});
