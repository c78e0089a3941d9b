import { type Steps, untold } from '../../steps.ts';
import type { Context } from '../context/context.ts';
import type { Draw, Drawing } from './live.ts';
import type { Upload, UploadBar } from './upload-bar.ts';

/** Shows a person what becomes of each server meanwhile; says nothing where nobody looks on. */
export async function withSteps<Result>(
  context: Context,
  work: (steps: Steps) => Promise<Result>,
): Promise<Result> {
  if (!context.output.errIsTerminal) return work(untold);
  const [{ drawWhile }, { ServerLines }] = await Promise.all([
    import('./live.ts'),
    import('./server-lines.ts'),
  ]);
  const draw: Draw<Steps & Drawing> = (screen, { marks }, nowMs) =>
    new ServerLines(screen, marks, nowMs);
  return drawWhile(context, draw, work);
}

/**
 * Shows a person how far an upload is; says nothing where nobody looks on.
 * @param work is given what it tells of each picture that Redis has, by its size
 */
export async function withBar<Result>(
  context: Context,
  all: Upload,
  work: (sent: (bytes: number) => void) => Promise<Result>,
): Promise<Result> {
  if (!context.output.errIsTerminal) return work(() => {});
  const [{ drawWhile }, { UploadBar }] = await Promise.all([
    import('./live.ts'),
    import('./upload-bar.ts'),
  ]);
  const draw: Draw<UploadBar> = (screen, signs, nowMs) => new UploadBar(screen, signs, nowMs, all);
  return drawWhile(context, draw, (bar) => work((bytes) => bar.add(bytes)));
}
