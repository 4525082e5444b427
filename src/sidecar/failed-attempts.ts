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
}

/** `now` in ms, from a clock that never goes back. */
export function countFailedAttempts(now: () => number): FailedAttempts {
  const windows = new Map<string, { since: number; count: number }>();
  const running = (network: string): { since: number; count: number } | null => {
    const window = windows.get(network);
    if (window === undefined) return null;
    if (now() - window.since < WINDOW_MS) return window;
    windows.delete(network);
    return null;
  };
  return {
    waitOf: (address) => {
      // As good as always: every request asks.
      if (windows.size === 0) return null;
      const window = running(networkOf(address));
      if (window === null || window.count < LIMIT) return null;
      return Math.max(1, Math.ceil((window.since + WINDOW_MS - now()) / 1000));
    },
    failed: (address) => {
      const network = networkOf(address);
      const window = running(network);
      if (window !== null) {
        window.count++;
        return;
      }
      const oldest = windows.keys().next();
      if (windows.size >= MAX_ADDRESSES && oldest.done !== true) windows.delete(oldest.value);
      windows.set(network, { since: now(), count: 1 });
    },
  };
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
