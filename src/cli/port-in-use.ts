import { FailedError } from '../errors.ts';

/** Adds who holds the port to an error that says one is taken, where that can be told. */
export async function nameHolder(error: unknown, port: number): Promise<unknown> {
  if (!(error instanceof FailedError) || error.code !== 'port-in-use') return error;
  const { portHolder } = await import('../fleet/port-holder.ts');
  const holder = portHolder(port);
  if (holder === null) return error;
  const message = `port ${port} is in use by ${holder}`;
  return new FailedError('port-in-use', message, error.remedy, { cause: error });
}
