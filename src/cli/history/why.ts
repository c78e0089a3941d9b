import type { Command } from 'commander';
import { NothingError } from '../../errors.ts';
import { plain, quote } from '../../text.ts';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import type { Evidence } from './evidence.ts';
import { clock, type Story } from './story.ts';
import { type Subject, toRequest, toSubject } from './subject.ts';

interface Options {
  readonly request?: boolean;
  readonly json?: boolean;
}

export function addWhy(program: Command, context: Context): void {
  program
    .command('why')
    .description('tell why something happened: to a server, at a time, to a request')
    .argument('<what>', "a server's id or port, a local time as 14:03 or 14:03:07, an X-Request-Id")
    .option('--request', 'what is asked for is the id of a request')
    .option('--json', 'print {asked, sentences, events, requests, log}')
    .addHelpText('after', examples('meowctl why k3x9ab', 'meowctl why 3001', 'meowctl why 14:03'))
    .action((what: string, options: Options) => why(context, what, options));
}

async function why(context: Context, what: string, options: Options): Promise<void> {
  const subject = options.request ? toRequest(what) : toSubject(what, Date.now());
  const { gather } = await import('./evidence.ts');
  const evidence = await gather(context);
  const story = await answer(evidence, subject);
  const { output } = context;
  if (evidence.outage)
    output.talk(`meowctl: ${evidence.outage.message}: only logs and doors here tell`);
  if (!story) throw evidence.outage ?? nothingKnown(what, evidence);
  if (options.json) return output.json({ asked: subject, ...story });
  for (const sentence of story.sentences) output.line(plain(sentence));
  for (const { at, line } of story.log) output.line(plain(`  | ${clock(Date.parse(at))} ${line}`));
}

async function answer(evidence: Evidence, subject: Subject): Promise<Story | null> {
  const [{ serverStory }, { doorStory, momentStory, portStory }, { requestStory }] =
    await Promise.all([
      import('./server-story.ts'),
      import('./moment-story.ts'),
      import('./request-story.ts'),
    ]);
  switch (subject.kind) {
    case 'server':
      // A door and a request may be called so, too.
      return (
        serverStory(evidence, subject.id) ??
        doorStory(evidence, subject.id) ??
        requestStory(evidence, subject.id)
      );
    case 'port':
      return portStory(evidence, subject.port) ?? requestStory(evidence, String(subject.port));
    case 'time':
      return momentStory(evidence, subject);
    case 'request':
      return requestStory(evidence, subject.id);
  }
}

function nothingKnown(what: string, { events }: Evidence): NothingError {
  const [oldest] = events;
  const since = oldest ? `events go back to ${clock(oldest.at)}` : 'there are no events yet';
  return new NothingError(
    `nothing is known of ${quote(what)}`,
    `See \`meowctl events\`: ${since}; a door here remembers the newest requests that failed or were tried again`,
  );
}
