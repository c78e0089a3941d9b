// Asks a URL again and again until its stdin ends, then prints the slowest and the 99th percentile, ms.
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const EVERY_MS = 5;
const times = [];
let over = false;
process.stdin.once('end', () => {
  over = true;
});
process.stdin.resume();

while (!over) {
  times.push(await ask(process.argv[2]));
  await pause(EVERY_MS);
}
times.sort((a, b) => a - b);
const p99 = times[Math.floor(times.length * 0.99)];
console.log(JSON.stringify({ asked: times.length, p99, slowest: times.at(-1) }));

// A new connection each time, as a browser that comes by: it waits behind the others too.
async function ask(url) {
  const begun = performance.now();
  await new Promise((resolve, reject) => {
    get(url, { agent: false }, (answer) => answer.resume().once('end', resolve)).once(
      'error',
      reject,
    );
  });
  return performance.now() - begun;
}
