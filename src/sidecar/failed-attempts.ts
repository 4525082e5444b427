import { hash } from 'node:crypto';
import { isIPv6 } from 'node:net';

/** So many wrong keys within a minute may come from one address. */
const LIMIT = 20;
const WINDOW_MS = 60_000;
/** Addresses that are remembered; beyond that the one that began to fail first is forgotten. */
const MAX_ADDRESSES = 1000;

/** Counts failed authentication per remote address. What succeeds is never counted. */
export interface FailedAttempts {
  /** How many seconds the address has to wait; null: it need not. */
  waitOf(address: string): number | null;
  failed(address: string): void;
  /**
   * Counts a string that may have been meant for somebody else, where many clients rightly send such strings: each one
   * counts once a minute, however often it comes.
   */
  triedInVain(address: string, key: string): void;
  /** True when this string has been counted so within this minute, and so is known to be wrong. */
  wasTried(address: string, key: string): boolean;
}

/** `now` in ms, from a clock that never goes back. */
export function countFailedAttempts(now: () => number): FailedAttempts {
  const windows = new Map<string, Window>();
  const running = (network: string): Window | null => {
    const window = windows.get(network);
    if (window === undefined) return null;
    if (now() - window.since < WINDOW_MS) return window;
    windows.delete(network);
    return null;
  };
  const failed = (address: string): void => {
    const network = networkOf(address);
    const window = running(network);
    if (window !== null) {
      window.count++;
      return;
    }
    const oldest = windows.keys().next();
    if (windows.size >= MAX_ADDRESSES && oldest.done !== true) windows.delete(oldest.value);
    windows.set(network, { since: now(), count: 1, tried: new Set() });
  };
  return {
    waitOf: (address) => {
      // As good as always: every request asks.
      if (windows.size === 0) return null;
      const window = running(networkOf(address));
      if (window === null || window.count < LIMIT) return null;
      return Math.max(1, Math.ceil((window.since + WINDOW_MS - now()) / 1000));
    },
    failed,
    triedInVain: (address, key) => {
      const digest = digestOf(key);
      const network = networkOf(address);
      if (running(network)?.tried.has(digest) === true) return;
      failed(address);
      // By then new ones are not looked at any more, so this stays small.
      const window = running(network);
      if (window !== null && window.tried.size < LIMIT) window.tried.add(digest);
    },
    wasTried: (address, key) =>
      windows.size > 0 && running(networkOf(address))?.tried.has(digestOf(key)) === true,
  };
}

interface Window {
  since: number;
  count: number;
  /** Hashes. */
  tried: Set<string>;
}

function digestOf(key: string): string {
  return hash('sha256', key, 'base64');
}

/** The address, and of IPv6 the network of 64 bits: whoever has one has all of its addresses. */
function networkOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [head = '', tail] = plain.split('::');
  const first = head === '' ? [] : head.split(':');
  const last = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array<string>(Math.max(0, 8 - first.length - last.length)).fill('0');
  return [...first, ...zeros, ...last].slice(0, 4).join(':');
}
