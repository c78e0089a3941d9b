import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FleetSite, type Going, openFleetSite } from './fleet-site.ts';
import { freePort } from './redis.ts';
import { until } from './until.ts';

/** A fleet with a door whose page is looked at. */
export interface PageSite extends FleetSite {
  readonly doorUrl: string;
  readonly pageUrl: string;
  readonly adminPort: number;
  /** With the token in it, as `meowctl dashboard` prints it. */
  tokenUrl(): string;
  token(): string;
  /** Starts `up` or `proxy` on the site's ports, once its page answers. */
  openDoor(verb: 'up' | 'proxy', ...args: string[]): Promise<Going>;
}

export async function openPageSite(): Promise<PageSite> {
  const site = await openFleetSite();
  const [port, adminPort] = [await freePort(), await freePort()];
  const pageUrl = `http://127.0.0.1:${adminPort}/`;
  const token = () => readFileSync(join(site.home, 'admin-token'), 'utf8').trim();
  return {
    ...site,
    doorUrl: `http://127.0.0.1:${port}`,
    pageUrl,
    adminPort,
    token,
    tokenUrl: () => `${pageUrl}#token=${token()}`,
    async openDoor(verb, ...args) {
      const going = site.go(verb, '--port', `${port}`, '--admin-port', `${adminPort}`, ...args);
      await until('the page answers', () => {
        if (going.hasEnded()) throw new Error(going.said());
        return fetch(`${pageUrl}healthz`).then(
          ({ ok }) => ok,
          () => false,
        );
      });
      return going;
    },
  };
}

/** Where pictures of the page are left for whoever wants to look at them. */
export function screenshotPath(name: string): string {
  const folder = join(import.meta.dirname, '../../node_modules/.cache/page');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}
