import { createParser } from 'eventsource-parser';
import { nexusEvent, type NexusEvent } from '../protocol/events.ts';

export type SubscriptionState = 'connecting' | 'connected' | 'down';

export interface SubscribeOptions {
  /** The event stream: `<origin>/api/events`. */
  url: string;
  /** Sent as Bearer; null where a session cookie authenticates. */
  token: string | null;
  fetch: typeof globalThis.fetch;
  /** Names the window whose life this stream shows; null for subscribers that keep no sidecar alive. */
  window: string | null;
  onEvent: (event: NexusEvent) => void;
  /** `detail`: why it is down, null otherwise. */
  onState: (state: SubscriptionState, detail: string | null) => void;
  /** Ends the subscription; nothing is called afterwards. */
  signal: AbortSignal;
  /** Waits between attempts in ms: doubled from the first to the last. */
  backoffMs?: { first: number; last: number };
}

/** No heartbeat (the sidecar sends one every 15 s) for this long: the connection is dead without having said so. */
const SILENCE_MS = 45_000;

/**
 * Follows the sidecar's events until `signal` fires; reconnects with backoff and `Last-Event-ID`, so that nothing is
 * missed (or a `resync` event says that something was). Never rejects.
 */
export async function subscribe(options: SubscribeOptions): Promise<void> {
  const { first, last } = options.backoffMs ?? { first: 250, last: 10_000 };
  let lastId: string | null = null;
  let wait = first;
  while (!options.signal.aborted) {
    options.onState('connecting', null);
    let detail = 'The event stream ended.';
    try {
      await follow(
        options,
        lastId,
        () => {
          wait = first;
        },
        (id) => {
          lastId = id;
        },
      );
    } catch (error) {
      detail = error instanceof Error ? error.message : String(error);
    }
    if (isAborted(options.signal)) return;
    options.onState('down', detail);
    await pause(wait, options.signal);
    wait = Math.min(wait * 2, last);
  }
}

async function follow(
  options: SubscribeOptions,
  lastId: string | null,
  connected: () => void,
  seen: (id: string) => void,
): Promise<void> {
  const quiet = new AbortController();
  const stop = (): void => {
    quiet.abort();
  };
  options.signal.addEventListener('abort', stop);
  let silence = setTimeout(stop, SILENCE_MS);
  try {
    const response = await options.fetch(options.url, {
      headers: headersOf(options, lastId),
      signal: quiet.signal,
    });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      throw new Error(`The sidecar answered ${String(response.status)} to the event subscription.`);
    }
    connected();
    options.onState('connected', null);
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (id !== undefined) seen(id);
        const parsed = nexusEvent.safeParse({ name: event, ...(parseObject(data) ?? {}) });
        // Events of a newer sidecar that this reader does not know are not for it.
        if (parsed.success && !options.signal.aborted) options.onEvent(parsed.data);
      },
    });
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MS);
      parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(silence);
    options.signal.removeEventListener('abort', stop);
    quiet.abort();
  }
}

function headersOf(options: SubscribeOptions, lastId: string | null): Record<string, string> {
  return {
    accept: 'text/event-stream',
    ...(options.token === null ? {} : { authorization: `Bearer ${options.token}` }),
    ...(options.window === null ? {} : { 'x-nexus-window': options.window }),
    ...(lastId === null ? {} : { 'last-event-id': lastId }),
  };
}

function parseObject(data: string): object | null {
  try {
    const json: unknown = JSON.parse(data);
    return typeof json === 'object' ? json : null;
  } catch {
    // Not ours; the schema refuses it.
    return null;
  }
}

/** Read through a function, so that a value seen before an await is not taken for the one after it. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
