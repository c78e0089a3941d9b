import type { ServerView } from '../../model/overview.ts';
import { stateInWords } from '../../overview/state-words.ts';
import { bytes, count, milliseconds, rate, share, UNKNOWN } from '../../overview/units.ts';
import { duration } from '../../time/duration.ts';
import { find, fromTemplate, setText, setTone, writer } from '../elements/find.ts';
import type { Entry } from '../elements/keyed-list.ts';
import type { createSparklines } from '../elements/sparkline.ts';

/** A server at the moment of an overview. */
export interface ServerNow {
  readonly server: ServerView;
  /** Unix ms at the door. */
  readonly at: number;
}

const figures = ['uptime', 'p50', 'p99', 'errors', 'inflight', 'rss', 'cpu'] as const;

export function createServerRow(
  { server: { id } }: ServerNow,
  sparkline: ReturnType<typeof createSparklines>,
): Entry<ServerNow> {
  const row = fromTemplate(HTMLTableRowElement, '#server-row');
  row.dataset.id = id;
  const cell = (name: string) => find(HTMLElement, `[data-cell=${name}]`, row);
  setText(cell('id'), id);
  for (const button of row.querySelectorAll<HTMLElement>('button')) {
    button.dataset.id = id;
    setText(find(HTMLElement, '.unseen', button), ` ${id}`);
  }
  const parts = [showPlace(cell), showState(row), showRate(row, sparkline), showFigures(cell)];
  const buttons = find(HTMLElement, '.acts .buttons', row);
  return {
    element: row,
    update(now) {
      for (const show of parts) show(now);
      if (buttons.hidden === now.server.here) buttons.hidden = !now.server.here;
    },
  };
}

type Show = (now: ServerNow) => void;
type Cells = (name: string) => HTMLElement;

function showPlace(cell: Cells): Show {
  const writeUrl = writer(find(HTMLElement, '.url', cell('address')));
  const writeHost = writer(find(HTMLElement, '.host', cell('address')));
  const writeApp = writer(cell('app'));
  return ({ server }) => {
    writeUrl(server.worker ? 'takes no requests' : server.url);
    writeHost(server.here ? '' : `on ${server.host}`);
    writeApp(server.app);
  };
}

function showState(row: HTMLElement): Show {
  const status = find(HTMLElement, '.status', row);
  const writeStatus = writer(status);
  const writeReason = writer(find(HTMLElement, '.reason', row));
  return ({ server }) => {
    const { text, tone } = stateInWords(server);
    writeStatus(text);
    setTone(status, tone);
    writeReason(server.reason);
  };
}

function showRate(row: HTMLElement, sparkline: ReturnType<typeof createSparklines>): Show {
  const write = writer(find(HTMLElement, '[data-cell=rps] span', row));
  const drawLine = sparkline(find(SVGPathElement, '.spark path', row));
  return ({ server: { rps, history } }) => {
    write(rate(rps));
    drawLine(history);
  };
}

function showFigures(cell: Cells): Show {
  const writers = figures.map((name) => [name, writer(cell(name))] as const);
  const errors = cell('errors');
  return (now) => {
    const texts = figureTexts(now);
    for (const [name, write] of writers) write(texts[name]);
    setTone(errors, (now.server.errorsPerSecond ?? 0) > 0 ? 'bad' : '');
  };
}

function figureTexts({ server, at }: ServerNow): Record<(typeof figures)[number], string> {
  const { startedAt, state } = server;
  const isRunning = startedAt > 0 && state !== 'stopped' && state !== 'lost' && state !== 'crashed';
  return {
    uptime: isRunning ? duration(at - startedAt) : UNKNOWN,
    p50: milliseconds(server.p50Ms),
    p99: milliseconds(server.p99Ms),
    errors: count(server.errors),
    inflight: count(server.inflight),
    rss: bytes(server.rss),
    cpu: share(server.cpu),
  };
}
