/** Where the sidecar listens: the host of the base URL. */
const SIDECAR = '127.0.0.1';
/** Put behind what a variable holds. The comma at the beginning of an empty one is an empty entry, which counts for nothing. */
export const NO_PROXY_ADDITION = `,${SIDECAR}`;

/**
 * The variables that have to get `NO_PROXY_ADDITION`, so that Claude in a terminal does not send its loopback base URL to
 * the company's proxy. None where no proxy is set, by `env` or in VS Code's settings, or the sidecar is an exception
 * already. A list in one case of the name is not hidden behind a new one in the other: programs read only one of them.
 */
export function noProxyVariables(
  env: Readonly<Record<string, string | undefined>>,
  httpProxy: string,
  platform: NodeJS.Platform,
): string[] {
  const value = (name: string): string =>
    Object.entries(env).find(([key]) =>
      platform === 'win32' ? key.toUpperCase() === name.toUpperCase() : key === name,
    )?.[1] ?? '';
  const isProxied =
    httpProxy !== '' || PROXIES.some((name) => value(name) !== '' || value(name.toLowerCase()) !== '');
  if (!isProxied) return [];
  // Windows does not tell them apart.
  const names = platform === 'win32' ? ['NO_PROXY'] : ['NO_PROXY', 'no_proxy'];
  const set = names.filter((name) => value(name) !== '');
  return (set.length === 0 ? names : set).filter((name) => !covers(value(name)));
}

const PROXIES = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'];

function covers(list: string): boolean {
  return list.split(/[\s,]+/).some((entry) => entry === '*' || entry === SIDECAR);
}
