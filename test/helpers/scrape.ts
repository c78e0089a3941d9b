const LINE = /^([a-z_:][a-z0-9_:]*)(\{.*\})? (\S+)$/i;

/** What Prometheus would read: `name{label="value"}` → number. Throws at any line that is none of its kind. */
export function parseMetrics(text: string): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-z_:]+ ./.test(line)) continue;
    const [, name = '', labels = '', value] = LINE.exec(line) ?? [];
    const key = name + labels;
    if (value === undefined || found.has(key) || !Number.isFinite(Number(value)))
      throw new Error(`no line of metrics, or there twice: ${JSON.stringify(line)}`);
    found.set(key, Number(value));
  }
  return found;
}
