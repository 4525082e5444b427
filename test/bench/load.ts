import { Agent, request as send } from 'node:http';

/** One way to the upstream: directly, or through a proxy. Its connection is kept open. */
export interface Route {
  name: string;
  post(body: Buffer, want: { think?: number; chunks?: number; gap?: number }): Promise<Sample>;
  close(): void;
}

export interface Sample {
  /** From sending to the first byte of the answer, without the time the upstream held the request; ms. */
  firstByteMs: number;
  /** From the upstream's write to arrival, for each delta; ms. */
  chunkMs: number[];
}

export function openRoute(name: string, baseUrl: string): Route {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const url = new URL(`${baseUrl.replace(/\/$/, '')}/v1/messages`);
  return {
    name,
    close: () => agent.destroy(),
    post: (body, want) =>
      new Promise<Sample>((resolve, reject) => {
        const started = process.hrtime.bigint();
        const request = send(url, {
          agent,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'content-length': body.length,
            'x-api-key': 'sk-ant-made-up-for-the-bench',
            'anthropic-version': '2023-06-01',
            'x-bench-think': String(want.think ?? 0),
            'x-bench-chunks': String(want.chunks ?? 8),
            'x-bench-gap': String(want.gap ?? 0),
          },
        });
        request.once('error', reject);
        request.once('response', (response) => {
          const first = process.hrtime.bigint();
          const held = BigInt(String(response.headers['x-bench-held-ns'] ?? '0'));
          if (response.statusCode !== 200) {
            reject(new Error(`${name} answered ${String(response.statusCode)}`));
          }
          const chunkMs: number[] = [];
          response.on('data', (chunk: Buffer) => {
            const now = process.hrtime.bigint();
            for (const [, at] of chunk.toString('latin1').matchAll(/<at=(\d+)>/g)) {
              chunkMs.push(ms(now - BigInt(at!)));
            }
          });
          response.once('error', reject);
          response.once('end', () => resolve({ firstByteMs: ms(first - started - held), chunkMs }));
        });
        request.end(body);
      }),
  };
}

/** A Messages request of about this many bytes: a conversation of text turns, different for every `seed`. */
export function bodyOf(bytes: number, seed: number): Buffer {
  const messages: { role: string; content: string }[] = [{ role: 'user', content: `bench ${seed}` }];
  const sentence = 'The retry reads a stream that was read before, so nothing is sent and nobody notices. ';
  for (let size = 0; size < bytes; size += 1000) {
    const text = `${messages.length} ${sentence.repeat(11)}`.slice(0, Math.min(960, bytes - size));
    messages.push({ role: messages.length % 2 === 1 ? 'assistant' : 'user', content: text });
  }
  if (messages.length % 2 === 0) messages.push({ role: 'user', content: 'Go on.' });
  return Buffer.from(JSON.stringify({ model: 'claude-opus-5-5', max_tokens: 1024, stream: true, messages }));
}

export function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** The order of the routes, another one in every round, so that none always runs in the wake of the same neighbour. */
export function rotated<T>(items: T[], round: number): T[] {
  const from = round % items.length;
  return [...items.slice(from), ...items.slice(0, from)];
}

const ms = (ns: bigint): number => Number(ns) / 1e6;
