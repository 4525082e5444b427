import type { Transform } from 'node:stream';
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';

/** Decodes a response as it arrives, chunk by chunk, so that a stream that was cut shows all that had come. */
export interface ContentDecoder {
  /** What these bytes add to the content. After damage (`failed`) nothing comes any more. */
  push(bytes: Buffer): Promise<Buffer>;
  /** Why decoding stopped, or null. */
  failed(): Error | null;
  close(): void;
}

/**
 * The decoder of a `content-encoding` value (several are undone last first), or null when there is nothing to decode.
 * One that is not known fails at once.
 */
export function createDecoder(contentEncoding: string | null): ContentDecoder | null {
  const names = (contentEncoding ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== 'identity');
  if (names.length === 0) return null;
  const stages = names.reverse().map((name) => new Stage(name));
  return {
    async push(bytes) {
      let content = bytes;
      for (const stage of stages) content = await stage.push(content);
      return content;
    },
    failed: () => stages.find((stage) => stage.error !== null)?.error ?? null,
    close() {
      for (const stage of stages) stage.close();
    },
  };
}

/** Made when the first bytes are there: `deflate` means zlib to some servers and raw deflate to others. */
type CreateStage = (first: Buffer) => Transform;

const flush = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH };

const STAGES: Record<string, CreateStage | undefined> = {
  gzip: () => createGunzip(flush),
  'x-gzip': () => createGunzip(flush),
  deflate: (first) => ((first[0] ?? 0) % 16 === 8 ? createInflate(flush) : createInflateRaw(flush)),
  br: () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdDecompress({ finishFlush: constants.ZSTD_e_flush }),
};

class Stage {
  error: Error | null = null;
  readonly #create: CreateStage | undefined;
  #stream: Transform | null = null;
  #parts: Buffer[] = [];
  #failed: (() => void) | null = null;

  constructor(encoding: string) {
    this.#create = STAGES[encoding];
    if (this.#create === undefined) this.error = new Error(`its content-encoding "${encoding}" is not known`);
  }

  async push(bytes: Buffer): Promise<Buffer> {
    if (bytes.length === 0 || this.error !== null || this.#create === undefined) return Buffer.alloc(0);
    const stream = (this.#stream ??= this.#open(this.#create(bytes)));
    await new Promise<void>((resolve) => {
      this.#failed = resolve;
      stream.write(bytes, () => {
        resolve();
      });
    });
    // The write is done when all of its output has been pushed; read() hands over what still waits for a listener.
    while (stream.read() !== null);
    const content = Buffer.concat(this.#parts);
    this.#parts = [];
    return content;
  }

  close(): void {
    this.#stream?.destroy();
  }

  #open(stream: Transform): Transform {
    stream.on('data', (part: Buffer) => {
      this.#parts.push(part);
    });
    stream.on('error', (error) => {
      this.error = error;
      this.#failed?.();
    });
    return stream;
  }
}
