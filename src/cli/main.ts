import { join } from 'node:path';
import { outliveTerminal } from './context/lost-terminal.ts';
import { exitWith } from './exit-with.ts';
import { run } from './run.ts';

outliveTerminal(process);
exitWith(process, run(process, join(__dirname, '..')));
