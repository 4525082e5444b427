import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The upstream of the benchmark, as its own process. It reads the request, thinks, and streams a short answer. The head
 * says how long it held the request (`x-bench-held-ns`), so that the client can leave that out; every delta carries
 * the moment it was written. Both are on the monotonic clock, which all processes of a machine share.
 *
 * `x-bench-think` (ms), `x-bench-chunks` (count) and `x-bench-gap` (ms between chunks) say what a request wants.
 */
const server = createServer((request, response) => {
  request.resume();
  request.once('end', () => {
    void answer(process.hrtime.bigint());
  });
  const answer = async (received: bigint) => {
    const want = (name: string, fallback: number) => Number(request.headers[name] ?? fallback);
    const think = want('x-bench-think', 0);
    const gap = want('x-bench-gap', 0);
    if (think > 0) await delay(think);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'x-bench-held-ns': String(process.hrtime.bigint() - received),
    });
    response.write(event('message_start', { message: messageStart }));
    response.write(event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }));
    for (let index = 0; index < want('x-bench-chunks', 8); index++) {
      if (gap > 0) await delay(gap);
      const at = String(process.hrtime.bigint());
      response.write(
        event('content_block_delta', {
          index: 0,
          delta: { type: 'text_delta', text: `<at=${at}> some words ` },
        }),
      );
    }
    response.write(event('content_block_stop', { index: 0 }));
    response.write(
      event('message_delta', {
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: { output_tokens: 40 },
      }),
    );
    response.end(event('message_stop', {}));
  };
});

const messageStart = {
  id: 'msg_01bench',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus-5-5',
  content: [],
  stop_reason: null,
  stop_sequence: null,
  usage: { input_tokens: 3, cache_read_input_tokens: 0, cache_creation_input_tokens: 900, output_tokens: 1 },
};

function event(name: string, data: Record<string, unknown>): string {
  return `event: ${name}\ndata: ${JSON.stringify({ type: name, ...data })}\n\n`;
}

server.keepAliveTimeout = 120_000;
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as { port: number }).port}` }));
});
