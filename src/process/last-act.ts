import { endOurselves } from './terminate.ts';

/** They end a process at once, as a person or a system means them to; Ctrl-\\ is the first. */
const ENDING = ['SIGQUIT', 'SIGABRT', 'SIGALRM', 'SIGUSR2', 'SIGXCPU'] as const;

/**
 * Does one thing before a signal that nobody else hears ends this process, as it would have without:
 * a terminal that has been changed stays so, for whoever has it next.
 * @returns stops listening
 */
export function beforeEnd(proc: NodeJS.Process, act: () => void): () => void {
  const stop = () => {
    for (const signal of ENDING) proc.off(signal, end);
  };
  const end = (signal: NodeJS.Signals) => {
    stop();
    act();
    endOurselves(signal);
  };
  for (const signal of ENDING) proc.on(signal, end);
  return stop;
}
