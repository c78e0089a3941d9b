import type { Command } from 'commander';
import type { Check } from '../../doctor/check.ts';
import { exitCodes } from '../../errors.ts';
import type { Context } from '../context/context.ts';
import { examples } from '../flags/help.ts';
import type { Cell } from '../output/output.ts';

export function addDoctor(program: Command, context: Context): void {
  program
    .command('doctor')
    .description('look at all that a fleet here needs, and say what to do; changes nothing')
    .option('--json', 'print an array of {check, ok: true, false or "warn", says, remedy}')
    .addHelpText('after', examples('meowctl doctor', 'meowctl doctor --json'))
    .action((options: { readonly json?: boolean }) => doctor(context, options));
}

async function doctor(context: Context, { json }: { readonly json?: boolean }): Promise<void> {
  const { lookAtAll } = await import('./look.ts');
  const checks = await lookAtAll(context);
  const wrong = checks.filter(({ ok }) => ok === false).length;
  const { output } = context;
  if (json) output.json(checks);
  else await output.table(['', 'CHECK', 'FOUND'], checks.map(toCells));
  if (wrong === 0) return;
  context.exitWith(exitCodes.failed);
  if (!json) output.talk(`${wrong} of ${checks.length} checks found something wrong`);
}

const marks = { ok: 'good', warn: 'warn', wrong: 'bad' } as const;

function toCells({ check, ok, says, remedy }: Check): readonly Cell[] {
  const mark = ok === true ? 'ok' : ok === 'warn' ? 'warn' : 'wrong';
  const found = remedy === null ? says : `${says}. ${remedy}`;
  return [{ text: mark, tone: marks[mark] }, { text: check }, { text: found }];
}
