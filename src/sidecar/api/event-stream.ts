import type { EventBus, NumberedEvent } from './event-bus.ts';

const HEARTBEAT_MS = 15_000;
/** Bytes a subscriber may lag behind before it is let go; it comes back with its `Last-Event-ID`. */
const MAX_LAG = 256 * 1024;

/** An SSE answer over the bus. `opened` is called at once, its result when the subscriber has gone. */
export function eventStream(bus: EventBus, lastId: string | null, opened: () => () => void): Response {
  const encoder = new TextEncoder();
  const leaving: (() => void)[] = [];
  const life = { over: false };
  const leave = (): void => {
    if (life.over) return;
    life.over = true;
    for (const step of leaving) step();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const end = (): void => {
          if (life.over) return;
          leave();
          controller.close();
        };
        const write = (text: string): void => {
          if (life.over) return;
          controller.enqueue(encoder.encode(text));
          if ((controller.desiredSize ?? 0) < 0) end();
        };
        const heartbeat = setInterval(write, HEARTBEAT_MS, ': heartbeat\n\n');
        leaving.push(opened(), () => {
          clearInterval(heartbeat);
        });
        write(': connected\n\n');
        const unsubscribe = bus.subscribe(
          lastId,
          (event) => {
            write(frame(event));
          },
          end,
        );
        // It may have lagged too far behind while the missed events were written.
        if (life.over) unsubscribe();
        else leaving.push(unsubscribe);
      },
      cancel: leave,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_LAG }),
  );
  return new Response(stream, {
    headers: { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' },
  });
}

function frame({ id, event }: NumberedEvent): string {
  return `id: ${id}\nevent: ${event.name}\ndata: ${JSON.stringify({ ids: event.ids })}\n\n`;
}
