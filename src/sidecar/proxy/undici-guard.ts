import type { Socket } from 'node:net';

/** The part of undici's HTTP/1 parser (lib/dispatcher/client-h1.js, 7.30) that is touched here. */
interface Parser {
  paused: boolean;
  ptr: unknown;
  llhttp: { llhttp_resume(ptr: unknown): void };
  execute(chunk: Buffer): void;
  finish(): Error | null;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * Keeps undici from ending the process. When a connection that is not kept alive ends while its parser is paused (we
 * pause it for a slow client), undici 7 fails an assertion in an event handler, where nobody can catch it
 * (nodejs/undici#5360, fixed in 8). Instead the parser is resumed and given what is left, so that the response
 * completes or fails as it would have unpaused; the bytes were all here already. Remove with undici 8; the test
 * "holds the last chunk while the upstream ends its connection" fails if this stops working.
 */
export function guardParser(socket: Socket): void {
  const key = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === 'parser');
  if (key === undefined) return;
  const parser = (socket as unknown as Record<symbol, Parser | null>)[key];
  if (parser === undefined || parser === null) return;
  const finish = parser.finish.bind(parser);
  const resume = (): boolean => {
    if (!parser.paused || parser.ptr === null || socket.destroyed) return false;
    parser.llhttp.llhttp_resume(parser.ptr);
    parser.paused = false;
    return true;
  };
  parser.finish = () => {
    // What was put back into the socket at the pause; without any, once, for a message that is complete by now.
    for (let more = true; more && resume();) {
      const rest = socket.read() as Buffer | null;
      parser.execute(rest ?? NO_BYTES);
      more = rest !== null;
    }
    // A body that ends with its connection pauses again at no bytes at all: only `finish` completes it.
    resume();
    // Paused for good: the message was completed above, and undici has destroyed the connection.
    return parser.paused || parser.ptr === null ? null : finish();
  };
}
