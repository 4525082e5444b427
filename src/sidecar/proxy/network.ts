import { isIP } from 'node:net';
import type { NexusError } from '../errors.ts';
import { invalidOption } from '../errors.ts';
import { isLoopback } from '../core/loopback.ts';

/**
 * Which HTTP proxy stands between this machine and the upstream (SPEC 1.11), read from the variables that every
 * program of a company network is given. Pure.
 */

/** An HTTP proxy. `authorization` is a secret: it never stands in a message or in the log, `host` and `port` may. */
export interface ProxyServer {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
  /** The value of `Proxy-Authorization`, or null. */
  readonly authorization: string | null;
  /** The variable it was read from. */
  readonly variable: string;
}

/** What the environment says. `ignored`: variables that are set and cannot be used, with why, for the log. */
export interface ProxyRules {
  readonly proxy: ProxyServer | null;
  readonly noProxy: string;
  readonly ignored: readonly { variable: string; why: string }[];
}

export type Variables = Readonly<Record<string, string | undefined>>;

/** In this order; the lower-case name of each first, as curl and undici do. */
const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY'];

/**
 * Reads HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in both cases. Throws `invalid_option` (without the value: it
 * may hold a password) for one that is no URL of an HTTP proxy; an ALL_PROXY for SOCKS is only ignored, since it is
 * often meant for other programs.
 */
export function readProxyRules(variables: Variables): ProxyRules {
  const noProxy = valueOf(variables, 'NO_PROXY')?.value ?? '';
  const ignored: { variable: string; why: string }[] = [];
  for (const name of PROXY_VARIABLES) {
    const given = valueOf(variables, name);
    if (given === null) continue;
    if (name === 'ALL_PROXY' && /^socks/i.test(given.value)) {
      ignored.push({ variable: given.variable, why: 'SOCKS proxies are not supported' });
      continue;
    }
    return { proxy: parseProxy(given.variable, given.value), noProxy, ignored };
  }
  return { proxy: null, noProxy, ignored };
}

/** The proxy for an upstream's origin, or null for the direct way. What runs on this machine is never asked for beyond it. */
export function proxyFor(origin: string, rules: ProxyRules): ProxyServer | null {
  const url = new URL(origin);
  if (rules.proxy === null || isLoopback(url.hostname)) return null;
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return isExcepted(url.hostname, port, rules.noProxy) ? null : rules.proxy;
}

/**
 * Whether NO_PROXY names a host: entries are separated by commas or white space; `*` is everything; `name` and `.name`
 * are the name and what is below it, `*.name` too; `:port` narrows an entry to that port; IP addresses (IPv6 also in
 * brackets) have to be the same, and `address/bits` is a network of IPv4.
 */
function isExcepted(hostname: string, port: number, noProxy: string): boolean {
  const host = bare(hostname);
  return noProxy.split(/[\s,]+/).some((entry) => {
    if (entry === '') return false;
    if (entry === '*') return true;
    const [, name = '', narrowed] = /^(.*?)(?::(\d{1,5}))?$/.exec(ipv6InBrackets(entry.toLowerCase())) ?? [];
    if (narrowed !== undefined && Number(narrowed) !== port) return false;
    const wanted = bare(name.replace(/^\*?\.(?=.)/, ''));
    if (wanted === '') return false;
    if (wanted.includes('/')) return isInNetwork(host, wanted);
    if (isIP(host) !== 0 || isIP(wanted) !== 0) return host === wanted;
    return host === wanted || host.endsWith(`.${wanted}`);
  });
}

/** A bare IPv6 address has colons of its own: in brackets none of them is taken for a port. */
function ipv6InBrackets(entry: string): string {
  return isIP(entry) === 6 ? `[${entry}]` : entry;
}

/** Lower case, without the brackets of IPv6 and the dot that ends an absolute name. */
function bare(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/(?<=.)\.$/, '');
}

function isInNetwork(host: string, network: string): boolean {
  const [address = '', bits = ''] = network.split('/');
  if (isIP(host) !== 4 || isIP(address) !== 4 || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return false;
  const size = 2 ** (32 - Number(bits));
  return Math.floor(numberOf(host) / size) === Math.floor(numberOf(address) / size);
}

const numberOf = (ipv4: string): number => ipv4.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);

function valueOf(variables: Variables, name: string): { variable: string; value: string } | null {
  for (const variable of [name.toLowerCase(), name]) {
    const value = variables[variable]?.trim();
    if (value !== undefined && value !== '') return { variable, value };
  }
  return null;
}

function parseProxy(variable: string, text: string): ProxyServer {
  let url: URL;
  try {
    // As curl: `proxy.example:3128` is an HTTP proxy.
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    throw unusable(variable, 'it is not a URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw unusable(variable, `proxies of the kind "${url.protocol}//" are not supported`);
  }
  const secure = url.protocol === 'https:';
  return {
    secure,
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    authorization: authorizationOf(variable, url),
    variable,
  };
}

function authorizationOf(variable: string, { username, password }: URL): string | null {
  if (username === '' && password === '') return null;
  try {
    const plain = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(plain).toString('base64')}`;
  } catch {
    throw unusable(variable, 'its user name or password is not percent-encoded (write % as %25)');
  }
}

function unusable(variable: string, why: string): NexusError {
  return invalidOption(variable, `${why}. Write it as http://user:password@host:port.`);
}
