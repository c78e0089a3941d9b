import { join } from 'node:path';
import { FailedError } from '../../errors.ts';
import type { Sticky } from '../../proxy/sticky/cookie.ts';
import { writeWhole } from '../../state/whole-file.ts';
import { COOKIES } from '../config/sticky-lines.ts';
import type { RuntimeSocket } from '../runtime/runtime-socket.ts';

/** The cookies that one HAProxy knows, by server: in a file for its start, over its runtime socket from then on. */
export class CookieMap {
  readonly #sticky: Pick<Sticky, 'value' | 'key'>;
  readonly #path: string;
  #told: ReadonlyMap<string, string> = new Map();
  #runtime: RuntimeSocket | null = null;
  #key = '';

  /** @param folder where HAProxy looks for it */
  constructor(sticky: Pick<Sticky, 'value' | 'key'>, folder: string) {
    this.#sticky = sticky;
    this.#path = join(folder, COOKIES);
  }

  write(ids: readonly string[]): void {
    const lines = ids.map((id) => `${id} ${this.#sticky.value(id)}\n`);
    writeWhole(this.#path, lines.join(''));
  }

  /** One that was started by somebody else, or before the key was another, is told all at once. */
  async settle(runtime: RuntimeSocket, ids: readonly string[]): Promise<void> {
    const { key } = this.#sticky;
    const isAnew = runtime !== this.#runtime || key !== this.#key;
    const isSame = ids.length === this.#told.size && ids.every((id) => this.#told.has(id));
    if (isSame && !isAnew) return;
    const wanted = new Map(ids.map((id) => [id, this.#sticky.value(id)]));
    if (isAnew) await replaceAll(runtime, wanted);
    else await change(runtime, this.#told, wanted);
    this.#told = wanted;
    this.#runtime = runtime;
    this.#key = key;
    this.write(ids);
  }
}

// From one moment to the next, so that no client loses its server in between.
async function replaceAll(
  runtime: RuntimeSocket,
  cookies: ReadonlyMap<string, string>,
): Promise<void> {
  const said = await runtime.ask(`prepare map ${COOKIES}`);
  const [, version] = /created: (\d+)/.exec(said) ?? [];
  if (version === undefined) throw refused(said);
  for (const [id, cookie] of cookies)
    await quietly(runtime, `add map @${version} ${COOKIES} ${id} ${cookie}`);
  await quietly(runtime, `commit map @${version} ${COOKIES}`);
}

async function change(
  runtime: RuntimeSocket,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Promise<void> {
  for (const id of before.keys()) if (!after.has(id)) await runtime.ask(`del map ${COOKIES} ${id}`);
  for (const [id, cookie] of after)
    if (!before.has(id)) await quietly(runtime, `add map ${COOKIES} ${id} ${cookie}`);
}

async function quietly(runtime: RuntimeSocket, command: string): Promise<void> {
  const said = await runtime.ask(command);
  if (said !== '') throw refused(said);
}

// Without the command, which has a cookie in it.
function refused(said: string): FailedError {
  return new FailedError(
    'haproxy-refused',
    `HAProxy does not take cookies: ${said}`,
    'See its log',
  );
}
