import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { download } from './download.ts';

let dir: string;
let file: string;
let seen: number[];
let stop: AbortController;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nexus-download-'));
  file = join(dir, 'export.md');
  seen = [];
  stop = new AbortController();
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const run = (answer: (signal: AbortSignal) => Response): Promise<number> =>
  download({
    endpoint: { url: 'http://127.0.0.1:4000', token: 'made-up' },
    path: '/api/conversations/x/export?format=md',
    file,
    fetch: (input, init) => {
      expect([(input as URL).href, new Headers(init?.headers).get('authorization'), init?.redirect]).toEqual([
        'http://127.0.0.1:4000/api/conversations/x/export?format=md',
        'Bearer made-up',
        'error',
      ]);
      return Promise.resolve(answer(init!.signal!));
    },
    signal: stop.signal,
    onProgress: (bytes) => seen.push(bytes),
  });

/** A body of these parts; then it ends, breaks, or waits for the abort. */
function bodyOf(
  parts: string[],
  end: 'well' | 'broken' | 'never',
  signal?: AbortSignal,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      signal?.addEventListener('abort', () => {
        controller.error(signal.reason);
      });
    },
    pull(controller) {
      const part = parts.shift();
      if (part !== undefined) controller.enqueue(encoder.encode(part));
      else if (end === 'well') controller.close();
      else if (end === 'broken') controller.error(new TypeError('terminated'));
    },
  });
}

describe('a download', () => {
  it('writes what comes, and tells how much', async () => {
    writeFileSync(file, 'an older one');
    expect(await run(() => new Response(bodyOf(['ab', 'cde'], 'well')))).toBe(5);
    expect([readFileSync(file, 'utf8'), seen, readdirSync(dir)]).toEqual(['abcde', [2, 5], ['export.md']]);
  });

  it('leaves the older file where it fails, and nothing else', async () => {
    const check = async (answer: (signal: AbortSignal) => Response, why: RegExp): Promise<void> => {
      writeFileSync(file, 'an older one');
      await expect(run(answer)).rejects.toThrow(why);
      expect([readFileSync(file, 'utf8'), readdirSync(dir)]).toEqual(['an older one', ['export.md']]);
    };
    await check(() => new Response(bodyOf(['ab'], 'broken')), /broken off/);
    const problem = {
      type: 'x',
      title: 'x',
      status: 404,
      code: 'not_found',
      detail: 'It is not in the store.',
    };
    await check(() => Response.json(problem, { status: 404 }), /not in the store/);
    await check(() => new Response('<html>', { status: 502 }), /answered 502/);
    await check((signal) => {
      const body = bodyOf(['ab'], 'never', signal);
      queueMicrotask(() => {
        stop.abort();
      });
      return new Response(body);
    }, /abort/i);
  });
});
