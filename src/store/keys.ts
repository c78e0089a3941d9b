/** Every key of one fleet, with its type and lifetime. The braces keep them in one slot. */
export interface Keys {
  /** hash id → record JSON, until deregistered or swept */
  readonly servers: string;
  /** zset id → lease end in ms on Redis' clock */
  readonly leases: string;
  /** hash id → desired server JSON, until destroyed */
  readonly intents: string;
  /** string, order JSON; 7 days, or until the server's host has read it */
  order(id: string): string;
  /** string, the random id of this registry, set once */
  readonly registry: string;
  /** string, a number: how all of this is to be understood; none means 1 */
  readonly schema: string;
  /** string, key of the sticky cookie, set once */
  readonly sticky: string;
  /** zset door id → lease end in ms */
  readonly doors: string;
  /** string, door JSON, 10 minutes after its last beat */
  door(id: string): string;
  /** string, JSON, a minute: how a server that has left ended its app, where it had to kill it */
  ended(id: string): string;
  /** set of door ids, a minute */
  acks(id: string): string;
  /** string, who keeps that host; expires with its lease */
  keeper(host: string): string;
  /** string, expires as asked */
  message(key: string): string;
  /** list of paths, newest first, trimmed to 5 */
  readonly recent: string;
  /** list of picture ids, newest first */
  readonly images: string;
  /** hash data, type, name, size, uploadedAt; 10 s until queued, then until delivered */
  image(id: string): string;
  /** hash with the fields of `image`, and id; kept while a door may ask again */
  delivered(token: string): string;
  /** string, bytes of all that is queued */
  readonly imageBytes: string;
  /** zset picture id → deadline in ms */
  readonly delivering: string;
  /** hash picture id → claim */
  readonly claims: string;
  /** stream, trimmed to about 1,000 entries: what happened */
  readonly events: string;
  /** channel: the id that changed */
  readonly changes: string;
}

export function createKeys(namespace: string): Keys {
  const prefix = `{${namespace}}:`;
  return {
    servers: `${prefix}servers`,
    leases: `${prefix}leases`,
    intents: `${prefix}intents`,
    order: (id) => `${prefix}orders:${id}`,
    registry: `${prefix}registry`,
    schema: `${prefix}schema`,
    sticky: `${prefix}sticky`,
    doors: `${prefix}doors`,
    door: (id) => `${prefix}door:${id}`,
    ended: (id) => `${prefix}ended:${id}`,
    acks: (id) => `${prefix}acks:${id}`,
    keeper: (host) => `${prefix}keeper:${host}`,
    message: (key) => `${prefix}message:${key}`,
    recent: `${prefix}recent`,
    images: `${prefix}images`,
    image: (id) => `${prefix}image:${id}`,
    delivered: (token) => `${prefix}delivered:${token}`,
    imageBytes: `${prefix}image-bytes`,
    delivering: `${prefix}delivering`,
    claims: `${prefix}claims`,
    events: `${prefix}events`,
    changes: `${prefix}changes`,
  };
}
