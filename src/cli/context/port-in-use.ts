import { FailedError } from '../../errors.ts';

/**
 * Adds who holds the port to an error that says one is taken, where that can be told.
 * @param remedy which flag chooses another; an error that has been through here keeps its own
 */
export async function nameHolder(error: unknown, port: number, remedy: string): Promise<unknown> {
  if (!(error instanceof FailedError) || error.code !== 'port-in-use') return error;
  if (error.cause instanceof FailedError) return error;
  const { portHolder } = await import('../../process/port-holder.ts');
  const holder = portHolder(port);
  const message = `port ${port} is in use${holder === null ? '' : ` by ${holder}`}`;
  return new FailedError('port-in-use', message, remedy, { cause: error });
}
