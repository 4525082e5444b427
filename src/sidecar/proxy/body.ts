import type { IncomingMessage } from 'node:http';

/**
 * Reads a request body into memory. Exactly one of the callbacks is called, unless the client goes away first. A body
 * over `limit` is noticed as soon as it is (from `content-length` before a byte is read).
 */
export function readBody(
  request: IncomingMessage,
  limit: number,
  announced: number | null,
  callbacks: { done(body: Buffer): void; tooLarge(): void },
): void {
  if (announced !== null && announced > limit) {
    callbacks.tooLarge();
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  const stop = (): void => {
    request.off('data', onData);
    request.off('end', onEnd);
  };
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > limit) {
      stop();
      callbacks.tooLarge();
      return;
    }
    chunks.push(chunk);
  };
  const onEnd = (): void => {
    stop();
    const [only] = chunks;
    callbacks.done(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size));
  };
  request.on('data', onData);
  request.on('end', onEnd);
}

/**
 * A request body as it comes in, for undici to pull (so the client is held back by the upstream's speed), with each
 * chunk shown to `tap` on its way. Ending early leaves the request alone: the client still has to get its answer.
 */
export async function* streamBody(
  request: IncomingMessage,
  tap: (chunk: Buffer) => void,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    tap(chunk);
    yield chunk;
  }
}

/** How much of a refused body is read and thrown away, and for how long, before the connection is cut. */
const LINGER_BYTES = 256 * 1024 * 1024;
const LINGER_MS = 15_000;

/**
 * Lets a client finish sending a body nobody wants, so that it gets to read the answer instead of a reset connection;
 * bounded in size and time. Calls `done` once, with true when the body has been read to its end.
 */
export function discardBody(request: IncomingMessage, done: (whole: boolean) => void): void {
  if (request.complete) {
    request.resume();
    done(true);
    return;
  }
  let size = 0;
  const finish = (whole: boolean): void => {
    clearTimeout(timer);
    request.off('data', onData);
    request.off('end', onEnd);
    request.socket.off('close', onClose);
    done(whole);
  };
  const onData = (chunk: Buffer): void => {
    size += chunk.length;
    if (size > LINGER_BYTES) finish(false);
  };
  const onEnd = (): void => {
    finish(true);
  };
  const onClose = (): void => {
    finish(false);
  };
  const timer = setTimeout(() => {
    finish(false);
  }, LINGER_MS);
  request.on('data', onData);
  request.on('end', onEnd);
  request.socket.on('close', onClose);
  request.resume();
}
