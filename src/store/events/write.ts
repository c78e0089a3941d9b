import { StoreError } from '../../errors.ts';
import { troubleInWords } from '../../expected-errors.ts';
import { createId } from '../../ids.ts';
import type { NewEvent } from '../../model/event.ts';
import { until } from '../../time/until.ts';
import type { Link } from '../connection/connection.ts';
import type { Keys } from '../keys.ts';
import { defineScript } from '../scripts/define.ts';
import noteText from '../scripts/events/note.lua';

/** What waits while Redis is away: the newest ones. */
const MOST_WAITING = 200;
const AGAIN_MS = 1_000;
/** What was noted less long ago has happened just now. */
const LATE_MS = 500;
const LOOK_MS = 10;

interface Note {
  readonly notedAtMs: number;
  readonly text: string;
}

export interface EventWriter {
  note(event: NewEvent): void;
  /** Waits until all is written, so long at most. */
  written(withinMs: number): Promise<void>;
}

/** Makes what stands in Redis of an event. */
export type EventText = (event: NewEvent, token?: string) => string;

/**
 * Writes events without anybody waiting for it: one script in flight, the next carries what came
 * meanwhile. What Redis cannot take is kept and tried again, and is told then with its own time.
 * @param say told of a bug
 */
export function createEventWriter(
  link: Link,
  keys: Pick<Keys, 'events'>,
  toText: EventText,
  say: (line: string) => void,
): EventWriter {
  let waiting: Note[] = [];
  let sending = false;
  let again: NodeJS.Timeout | undefined;

  const send = async (): Promise<void> => {
    sending = true;
    const notes = waiting;
    waiting = [];
    try {
      await note(link, keys, { notes: JSON.stringify(notes.map(withAge)) });
    } catch (error) {
      if (error instanceof StoreError) waiting = newest([...notes, ...waiting]);
      else say(`events: ${troubleInWords(error)}`);
      again = setTimeout(soon, AGAIN_MS).unref();
    } finally {
      sending = false;
    }
    if (again === undefined) soon();
  };
  const soon = () => {
    again = undefined;
    if (!sending && waiting.length > 0) void send();
  };

  return {
    note(event) {
      // One of which nobody knows whether it was written is written again: the token tells.
      const text = toText(event, createId());
      waiting = newest([...waiting, { notedAtMs: performance.now(), text }]);
      if (again === undefined) soon();
    },
    async written(withinMs) {
      const isIdle = () => !sending && (waiting.length === 0 || again !== undefined);
      await until(isIdle, { everyMs: LOOK_MS, withinMs });
      clearTimeout(again);
    },
  };
}

function newest(notes: Note[]): Note[] {
  return notes.slice(-MOST_WAITING);
}

function withAge({ notedAtMs, text }: Note): [ageMs: number | false, text: string] {
  const ageMs = Math.round(performance.now() - notedAtMs);
  return [ageMs >= LATE_MS && ageMs, text];
}

const note = defineScript(noteText, { keys: ['events'], args: ['notes'] });
