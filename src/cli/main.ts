import { join } from 'node:path';
import { run } from './run.ts';

void run(process, join(__dirname, '..')).then((code) => {
  process.exitCode = code;
});
