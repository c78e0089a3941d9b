import { dirname, join } from 'node:path';
import { defaults } from '../../defaults.ts';
import { InterruptedError } from '../../errors.ts';
import type { Picture } from '../../model/picture.ts';
import type { Format } from '../../terminal/screen.ts';
import type { Context } from '../context/context.ts';

/**
 * Draws a picture where stdout goes.
 * @param format as it was asked for; null: as the terminal can
 * @throws FailedError for one that cannot be drawn; InterruptedError at Ctrl-C
 */
export async function drawHere(
  context: Context,
  picture: Picture,
  format: Format | null,
): Promise<void> {
  const interrupted = new AbortController();
  const signal = AbortSignal.any([context.interruption(), interrupted.signal]);
  const asked = await ask(context, format, () => interrupted.abort());
  try {
    await draw(context, picture, { format, signal, answers: asked?.answers ?? null });
  } catch (error) {
    throw signal.aborted ? stopped() : error;
  } finally {
    await asked?.close();
  }
}

async function ask(context: Context, format: Format | null, onInterrupt: () => void) {
  const { output, config, process } = context;
  const { multiplexed } = config.terminal;
  const isPlain = format === null ? multiplexed : format === 'blocks';
  if (!output.outIsTerminal || config.dumb || isPlain) return null;
  const { askTerminal } = await import('../../terminal/ask.ts');
  return await askTerminal({
    process,
    answerMs: defaults.terminalAnswerMs,
    lateMs: defaults.terminalLateMs,
    write: (text) => output.bytes(Buffer.from(text)),
    onInterrupt,
  });
}

interface How {
  readonly format: Format | null;
  readonly signal: AbortSignal;
  readonly answers: string | null;
}

async function draw(context: Context, picture: Picture, { format, signal, answers }: How) {
  const { output, config, process, cliPath } = context;
  const [{ drawPicture, undrawable }, { readAnswers }, { inspectPicture }] = await Promise.all([
    import('../../terminal/draw.ts'),
    import('../../terminal/capabilities.ts'),
    import('../../cats/picture/type.ts'),
  ]);
  const found = inspectPicture(picture.data, defaults.maxPicturePixels);
  if ('problem' in found) throw undrawable(found.problem);
  const { columns = 0, rows = 0 } = process.stdout;
  await drawPicture({ ...picture, type: found.type }, found, {
    format,
    terminal: config.terminal,
    isColored: config.color !== 'never',
    isUtf8: config.utf8,
    capabilities: answers === null ? null : readAnswers(answers, { columns, rows }),
    size: { columns, rows },
    paper: {
      isTerminal: output.outIsTerminal,
      write: (text) => output.bytes(Buffer.from(text)),
      signal,
    },
    decoder: join(dirname(cliPath), '..', 'dist', 'picture-decoder.cjs'),
    frameMs: defaults.drawFrameMs,
    maxFilmMs: defaults.drawFilmMs,
    maxPixels: defaults.maxPicturePixels,
  });
}

function stopped(): InterruptedError {
  return new InterruptedError('interrupted before the picture was drawn', 'It is still queued');
}
