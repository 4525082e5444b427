import { expect, test } from 'vitest';
import type { NexusEvent } from '../protocol/events.ts';
import { subscribe } from './subscribe.ts';

function streamOf(parts: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start: (controller) => {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
}

/** One connection of a sidecar that answers with these parts, then ends the stream; null: refuses the connection. */
type Connection = Uint8Array[] | { status: number } | null;

/** Follows a sidecar through these connections; ends at the first attempt after the last one. */
async function follow(connections: Connection[]): Promise<{
  events: NexusEvent[];
  states: string[];
  sent: Record<string, string>[];
}> {
  const stop = new AbortController();
  const events: NexusEvent[] = [];
  const states: string[] = [];
  const sent: Record<string, string>[] = [];
  await subscribe({
    url: 'http://sidecar.test/api/events',
    token: 'the-token',
    window: 'window-1',
    fetch: (_url, init) => {
      const connection = connections[sent.length];
      sent.push(Object.fromEntries(new Headers(init?.headers)));
      if (connection === undefined) stop.abort();
      if (connection === undefined || connection === null) return Promise.reject(new Error('refused'));
      if ('status' in connection) return Promise.resolve(new Response('no', { status: connection.status }));
      return Promise.resolve(new Response(streamOf(connection)));
    },
    onEvent: (event) => events.push(event),
    onState: (state, detail) => states.push(detail === null ? state : `${state}: ${detail}`),
    signal: stop.signal,
    backoffMs: { first: 0, last: 0 },
  });
  return { events, states, sent };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const frame = (id: string, name: string, ids: string[]): string =>
  `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify({ ids })}\n\n`;

test('events are read however the stream is cut; comments and unknown events are passed over', async () => {
  const text = `: connected\n\n${frame('r-1', 'status', [])}${frame('r-2', 'from.the.future', ['x'])}${frame('r-3', 'alert', ['ü'])}`;
  const expected = [
    { name: 'status', ids: [] },
    { name: 'alert', ids: ['ü'] },
  ];
  expect((await follow([[bytes(text)]])).events).toEqual(expected);
  expect((await follow([Array.from(bytes(text), (byte) => Uint8Array.of(byte))])).events).toEqual(expected);
});

test('it comes back with the last id it saw, and names itself and its window', async () => {
  const { sent, states } = await follow([
    [bytes(frame('r-1', 'status', []))],
    null,
    [bytes(frame('r-9', 'alert', ['a']))],
  ]);
  expect(sent.map((headers) => headers['last-event-id'])).toEqual([undefined, 'r-1', 'r-1', 'r-9']);
  expect(sent[0]).toMatchObject({ authorization: 'Bearer the-token', 'x-nexus-window': 'window-1' });
  expect(states).toEqual([
    'connecting',
    'connected',
    'down: The event stream ended.',
    'connecting',
    'down: refused',
    'connecting',
    'connected',
    'down: The event stream ended.',
    'connecting',
  ]);
});

test('a refusal is told with its status', async () => {
  const { states } = await follow([{ status: 401 }]);
  expect(states[1]).toBe('down: The sidecar answered 401 to the event subscription.');
});
