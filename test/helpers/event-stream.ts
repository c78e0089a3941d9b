import { type IncomingMessage, request } from 'node:http';

interface StreamEvent {
  readonly event: string;
  readonly data: unknown;
  readonly id: string | null;
}

/** What came over one event stream so far. */
export interface EventStream {
  readonly answer: IncomingMessage;
  readonly events: StreamEvent[];
  /** The data of those of one kind. */
  of<T>(kind: string): T[];
  ended(): boolean;
  close(): void;
}

export function openEventStream(
  port: number,
  headers: Record<string, string> = {},
  path = '/events',
): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const asked = { ...headers, accept: 'text/event-stream' };
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false, headers: asked });
    outgoing.on('error', reject);
    outgoing.once('response', (answer) => resolve(follow(answer)));
    outgoing.end();
  });
}

function follow(answer: IncomingMessage): EventStream {
  const events: StreamEvent[] = [];
  let text = '';
  answer.setEncoding('utf8').on('error', () => {});
  answer.on('data', (piece: string) => {
    const frames = (text + piece).split('\n\n');
    text = frames.pop() ?? '';
    events.push(...frames.map(parse));
  });
  return {
    answer,
    events,
    of: <T>(kind: string) =>
      events.flatMap(({ event, data }) => (event === kind ? [data as T] : [])),
    ended: () => answer.closed || answer.destroyed,
    close: () => answer.destroy(),
  };
}

function parse(frame: string): StreamEvent {
  const fields = new Map(
    frame.split('\n').map((line) => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)] as const;
    }),
  );
  const data = JSON.parse(fields.get('data') ?? 'null') as unknown;
  return { event: fields.get('event') ?? 'message', data, id: fields.get('id') ?? null };
}
