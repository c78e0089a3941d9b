import { quoted } from './words.ts';

/** An answer that HAProxy gives in the door's name. */
export interface EngineAnswer {
  readonly status: number;
  readonly text: string;
  /** One more header line. */
  readonly line?: readonly [name: string, value: string];
}

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json';
const RETRY = ['Retry-After', '1'] as const;
/** The id of the request, which rules have chosen by then. */
const ID = 'hdr X-Request-Id %[var(txn.id)]';

/** What HAProxy finds out by itself. It gives these as text alone, and those of a head without an id. */
const failures: readonly EngineAnswer[] = [
  { status: 400, text: 'the request makes no sense' },
  { status: 408, text: 'the request did not arrive in time' },
  { status: 500, text: 'the door failed' },
  { status: 502, text: 'the server broke off, or its answer made no sense' },
  { status: 503, text: 'no server took the request', line: RETRY },
  { status: 504, text: 'the server did not answer in time' },
];

export const noServers: EngineAnswer = {
  status: 503,
  text: 'no servers: start one with `meowctl spawn`',
  line: RETRY,
};

/** RFC 9110 §15.5.6: a 405 lists the methods that are allowed. */
export const ALLOW = ['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'] as const;

/** The lines of `defaults` that give HAProxy's own failures our words. */
export function failureLines(): string[] {
  return failures.map(({ status, text, line }) => {
    const id = status > 500 ? ` ${ID}` : '';
    return `http-error status ${status} content-type ${quoted(TEXT)} string ${quoted(`${text}\n`)}${header(line)}${id}`;
  });
}

/** The rules that answer so where a condition holds: JSON for who asks for it, else text. */
export function answerRules({ status, text, line }: EngineAnswer, condition: string): string[] {
  const head = `http-request return status ${status}`;
  const tail = `${header(line)} ${ID} if ${condition}`;
  if (text === '') return [`${head}${tail}`];
  const body = `${JSON.stringify({ status, error: text })}\n`;
  return [
    `${head} content-type ${JSON_TYPE} string ${quoted(body)}${tail} wants_json`,
    `${head} content-type ${quoted(TEXT)} string ${quoted(`${text}\n`)}${tail}`,
  ];
}

function header(line: EngineAnswer['line']): string {
  return line ? ` hdr ${line[0]} ${quoted(line[1])}` : '';
}
