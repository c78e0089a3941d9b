/** One event of a stream as the HTML standard has it (Server-sent events): its name and its data. */
export interface StreamEvent {
  readonly name: string;
  readonly data: string;
}

/** Text in, whole events out; what is not whole yet waits for the rest. */
export interface EventParser {
  push(text: string): StreamEvent[];
}

const DEFAULT_NAME = 'message';

/** Enough of the format for what a door sends: `event`, `data` over several lines, comments, any line end. */
export function createEventParser(): EventParser {
  let rest = '';
  let name = '';
  let data: string[] = [];

  function take(line: string, events: StreamEvent[]): void {
    if (line === '') {
      if (data.length > 0) events.push({ name: name || DEFAULT_NAME, data: data.join('\n') });
      name = '';
      data = [];
      return;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }

  return {
    push(text) {
      // A CR at the end may be the first half of CR LF.
      const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? '';
      const events: StreamEvent[] = [];
      for (const line of lines) take(line, events);
      return events;
    },
  };
}
