// Prints the last test run's count as its last line, before it what the machine lacked for a test.
// A contributor may lack something; here that is a failure.
import { readFileSync } from 'node:fs';

const file = new URL('../node_modules/.cache/test-results.json', import.meta.url);
const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(
  readFileSync(file, 'utf8'),
);
const missing = testResults
  .flatMap(({ assertionResults }) => assertionResults)
  .flatMap(({ meta, fullName }) => (meta?.missing ? [`${meta.missing}: ${fullName}`] : []));
for (const what of missing) process.stdout.write(`missing here: ${what}\n`);
const skipped = numPendingTests > 0 ? `, ${numPendingTests} skipped` : '';
process.stdout.write(`${numPassedTests} passed, ${numFailedTests} failed${skipped}\n`);
if (numPassedTests === 0 || missing.length > 0) process.exitCode = 1;
