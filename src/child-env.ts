/** Which sockets this process was given at its start: sd_listen_fds(3). */
export interface SocketActivation {
  /** `LISTEN_PID`: who is meant. */
  readonly pid: string;
  /** `LISTEN_FDS`: how many there are, from descriptor 3 on. */
  readonly count: string;
  /** `LISTEN_FDNAMES`: what they are called, with colons between. */
  readonly names: string | null;
}

type Env = Readonly<Record<string, string | undefined>>;

/** What is for this process alone, and for none that it starts. */
const FOR_ONE = new Set(['MEOW_APP', 'LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']);

/** Null where it was given none. */
export function socketActivation(env: Env): SocketActivation | null {
  const { LISTEN_PID: pid, LISTEN_FDS: count, LISTEN_FDNAMES: names } = env;
  if (pid === undefined || count === undefined) return null;
  return { pid, count, names: names || null };
}

/** What children may be told. */
export function childEnv(env: Env): Record<string, string> {
  const isTheirs = ([name, value]: [string, string | undefined]) =>
    value !== undefined && !FOR_ONE.has(name);
  return Object.fromEntries(Object.entries(env).filter(isTheirs)) as Record<string, string>;
}
