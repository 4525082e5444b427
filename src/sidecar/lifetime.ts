/** Who keeps a sidecar alive: windows (open event streams that name one) and traffic. */
export interface Lifetime {
  /** Counts a window until the returned function is called; streams of one window count once. */
  enterWindow: (id: string) => () => void;
  windows: () => number;
  traffic: () => void;
  stop: () => void;
}

export interface IdleLimits {
  windowMs: number;
  trafficMs: number;
}

/**
 * Calls `onIdle` once when no window has been there for `windowMs` *and* nothing passed for `trafficMs`. Without
 * limits it only counts. `busy` says that exchanges are open: they are traffic, however long they take.
 */
export function watchLifetime(limits: IdleLimits | null, busy: () => boolean, onIdle: () => void): Lifetime {
  const windows = new Map<string, number>();
  let lastWindow = performance.now();
  let lastTraffic = performance.now();
  let timer: NodeJS.Timeout | null = null;

  const check = (): void => {
    if (limits === null) return;
    const now = performance.now();
    if (windows.size > 0) lastWindow = now;
    if (busy()) lastTraffic = now;
    const left = Math.max(lastWindow + limits.windowMs - now, lastTraffic + limits.trafficMs - now);
    if (left <= 0) {
      onIdle();
      return;
    }
    // A window or an open exchange is looked at again after a full period at the latest.
    timer = setTimeout(check, Math.max(left, 10));
    timer.unref();
  };
  check();

  return {
    enterWindow: (id) => {
      windows.set(id, (windows.get(id) ?? 0) + 1);
      return () => {
        const count = (windows.get(id) ?? 1) - 1;
        if (count === 0) windows.delete(id);
        else windows.set(id, count);
        lastWindow = performance.now();
      };
    },
    windows: () => windows.size,
    traffic: () => {
      lastTraffic = performance.now();
    },
    stop: () => {
      if (timer !== null) clearTimeout(timer);
    },
  };
}
