import { setTimeout as pause } from 'node:timers/promises';
import { StoreError } from '../errors.ts';
import { troubleInWords, withoutRedis } from '../expected-errors.ts';
import type { Link } from './connection/connection.ts';
import type { Keys } from './keys.ts';
import { defineScript } from './scripts/define.ts';
import pushText from './scripts/visits/push.lua';
import pushAndReadText from './scripts/visits/push-and-read.lua';
import type { StoreSettings, Visits } from './store.ts';

/**
 * Between pushes, while more visits come during one than anybody could see: 2 ms instead of none
 * took a tenth off the CPU of a request under load.
 */
const FLOOD_PAUSE_MS = 2;

/**
 * The most recent visits, newest first. `record` keeps one push in flight: while it is under way
 * only the newest five can matter, so that is all that waits.
 * @param say told of a bug: nobody waits for a push
 */
export function createVisits(
  link: Link,
  keys: Keys,
  settings: Pick<StoreSettings, 'recentVisits' | 'maxVisitBytes'>,
  say: (line: string) => void,
): Visits {
  const { recentVisits, maxVisitBytes } = settings;
  const last = recentVisits - 1;
  const kept = (path: string) => cut(path, maxVisitBytes);
  const texts = (reply: unknown) => (Array.isArray(reply) ? reply.map(String).map(kept) : []);
  let waiting: string[] = [];
  let sending = false;
  let flooded = false;

  const sendAll = async () => {
    while (waiting.length > 0) {
      if (flooded) await pause(FLOOD_PAUSE_MS);
      const paths = waiting;
      waiting = [];
      flooded = false;
      // A visit that Redis could not take is not worth an answer.
      await push(link, keys, { last, paths }).catch(withoutRedis(null));
    }
  };

  const send = async () => {
    sending = true;
    await sendAll().catch((error: unknown) => say(`visits: ${troubleInWords(error)}`));
    sending = false;
  };

  const recent = async () => texts(await link.run((redis) => redis.lrange(keys.recent, 0, last)));

  return {
    record(path) {
      if (waiting.length === recentVisits) {
        waiting.shift();
        flooded = true;
      }
      waiting.push(kept(path));
      if (!sending) void send();
    },
    async recordAndRead(path) {
      const paths = [...waiting, kept(path)];
      waiting = []; // sent here, so that the reader sees them in their order
      try {
        return texts(await pushAndRead(link, keys, { last, paths }));
      } catch (error) {
        if (takesNoWrite(error)) return recent();
        throw error;
      }
    },
    recent,
  };
}

// What may only be read is read all the same.
function takesNoWrite(error: unknown): boolean {
  return error instanceof StoreError && (error.kind === 'refused' || error.kind === 'full');
}

function cut(path: string, maxBytes: number): string {
  if (path.length <= maxBytes / 3) return path;
  const bytes = Buffer.from(path).subarray(0, maxBytes);
  return bytes.toString().replace(/\ufffd$/, '');
}

const names = { keys: ['recent'], args: ['last'], moreArgs: 'paths' } as const;
const push = defineScript(pushText, names);
const pushAndRead = defineScript(pushAndReadText, names);
