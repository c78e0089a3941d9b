import type { ChalkInstance } from 'chalk';
import type { Paint, Paints } from './output.ts';

export const paints: Paints = { tones: loadTones, labels: loadLabelPaint };

async function loadTones(): Promise<Paint> {
  const { Chalk } = await import('chalk');
  const chalk: ChalkInstance = new Chalk({ level: 1 });
  const { green: good, yellow: warn, red: bad, dim, bold: head, inverse: picked } = chalk;
  const tones = { good, warn, bad, dim, head, picked };
  return (text, tone) => (tone ? tones[tone](text) : text);
}

async function loadLabelPaint(): Promise<(label: string) => string> {
  const { Chalk } = await import('chalk');
  const chalk: ChalkInstance = new Chalk({ level: 1 });
  const { cyan, yellow, green, magenta, blue } = chalk;
  const { cyanBright, yellowBright, greenBright, magentaBright, blueBright } = chalk;
  const dark = [cyan, yellow, green, magenta, blue];
  const colors = [...dark, cyanBright, yellowBright, greenBright, magentaBright, blueBright];
  return (label) => (colors[hash(label) % colors.length] ?? cyan)(label);
}

function hash(text: string): number {
  return [...text].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 65_521, 7);
}
