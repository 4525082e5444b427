import { randomBytes } from 'node:crypto';
import type { NexusEvent } from '../../protocol/events.ts';

export interface NumberedEvent {
  id: string;
  event: NexusEvent;
}

/** The events of `GET /api/events`, with the newest kept for subscribers that were away for a moment. */
export interface EventBus {
  publish: (event: NexusEvent) => void;
  /**
   * Calls `listen` with what came after `lastId` (or one `resync` where that is not known any more, or nothing was
   * named), then with every new event. `end` is called once when the bus closes. Returns the unsubscribing function.
   */
  subscribe(lastId: string | null, listen: (event: NumberedEvent) => void, end: () => void): () => void;
  close(): void;
}

const CAPACITY = 1000;

/** Ids are `<run>-<number>`: an id of an earlier run of the sidecar is never taken for one of this. */
export function createEventBus(capacity = CAPACITY, run = randomBytes(4).toString('hex')): EventBus {
  const ring: NumberedEvent[] = [];
  const subscribers = new Map<(event: NumberedEvent) => void, () => void>();
  let last = 0;

  const missedSince = (lastId: string | null): NumberedEvent[] => {
    const resync = [
      { id: `${run}-${String(last)}`, event: { name: 'resync', ids: [] } },
    ] satisfies NumberedEvent[];
    const match = /^([0-9a-f]+)-(\d+)$/.exec(lastId ?? '');
    const number = Number(match?.[2]);
    if (match?.[1] !== run || number > last || last - number > ring.length) return resync;
    return ring.slice(ring.length - (last - number));
  };

  return {
    publish: (event) => {
      last++;
      const numbered = { id: `${run}-${String(last)}`, event };
      ring.push(numbered);
      if (ring.length > capacity) ring.shift();
      for (const listen of [...subscribers.keys()]) listen(numbered);
    },
    subscribe: (lastId, listen, end) => {
      for (const event of missedSince(lastId)) listen(event);
      subscribers.set(listen, end);
      return () => {
        subscribers.delete(listen);
      };
    },
    close: () => {
      for (const end of [...subscribers.values()]) end();
      subscribers.clear();
    },
  };
}
