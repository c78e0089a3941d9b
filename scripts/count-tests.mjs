// Prints the last test run's count as one line.
import { readFileSync } from 'node:fs';

const file = new URL('../node_modules/.cache/test-results.json', import.meta.url);
const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(readFileSync(file, 'utf8'));
const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed${skipped}\n`);
if (numPassedTests === 0) process.exitCode = 1;
