import type { Answered } from '../../proxy/exchange/context.ts';
import type { Context } from '../context/context.ts';

interface LogFlags {
  readonly accessLog?: boolean;
}

/** Whether a line is written for each request. */
export function isLogged({ output }: Context, { accessLog: always }: LogFlags): boolean {
  return output.outIsTerminal || always === true;
}

/** What writes it; null where none is wanted. */
export async function accessLog(
  context: Context,
  flags: LogFlags,
): Promise<((answered: Answered) => void) | null> {
  if (!isLogged(context, flags)) return null;
  const { output } = context;
  const { accessLine } = await import('../../proxy/access-log.ts');
  return (answered) => output.line(accessLine(answered));
}
