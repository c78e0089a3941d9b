const KEY = 'meowctl-token';
const START = '#token=';

/** The token of this tab, until the door says that it is not one. */
export interface Token {
  /** Null where the page has no rights. */
  value(): string | null;
  forget(): void;
}

/**
 * Takes the token out of the address, so that it is neither seen nor kept in the history nor copied
 * with it. It stays with the tab.
 */
export function takeToken({ location, history, sessionStorage }: Window): Token {
  const [, given] = /^#token=([\w-]+)$/.exec(location.hash) ?? [];
  if (location.hash.startsWith(START)) {
    history.replaceState(null, '', location.pathname + location.search);
  }
  if (given) sessionStorage.setItem(KEY, given);
  return {
    value: () => sessionStorage.getItem(KEY),
    forget: () => sessionStorage.removeItem(KEY),
  };
}

/**
 * Whoever opens the address with the token where the page is open already changes no more than the
 * part behind `#`: the browser by itself would load nothing, and leave it in sight.
 */
export function beginAnewWithToken(window: Window): void {
  window.addEventListener('hashchange', () => {
    if (!window.location.hash.startsWith(START)) return;
    takeToken(window);
    window.location.reload();
  });
}
