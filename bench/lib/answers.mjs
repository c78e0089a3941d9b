const POST_BYTES = 64 * 1_024;
const ROUND = 8;

/**
 * A contender that answers wrongly is not measured: body, length and type of each kind of request,
 * and the backends in turn.
 * @param {import('./doors.mjs').Door} door
 */
export async function checkAnswers({ name, url }) {
  const seen = new Set();
  for (let turn = 0; turn < ROUND; turn++) {
    const answer = await fetch(`${url}/1k`);
    seen.add(answer.headers.get('x-backend'));
    await expectBody(name, '1 KiB GET', answer, 'm'.repeat(1_024));
  }
  if (seen.size < 2) throw new Error(`${name} sent everything to one backend`);
  await expectBody(name, '100 KiB GET', await fetch(`${url}/100k`), 'm'.repeat(100 * 1_024));
  const post = await fetch(`${url}/post`, { method: 'POST', body: 'x'.repeat(POST_BYTES) });
  await expectBody(name, '64 KiB POST', post, String(POST_BYTES));
  const absent = await fetch(`${url}/nowhere`);
  if (absent.status !== 404) throw new Error(`${name} made ${absent.status} of a 404`);
}

async function expectBody(name, what, answer, wanted) {
  const body = await answer.text();
  const type = answer.headers.get('content-type');
  if (answer.status === 200 && type === 'text/plain' && body === wanted) return;
  throw new Error(
    `${name} answered a ${what} with ${answer.status}, ${type}, ${body.length} bytes`,
  );
}
