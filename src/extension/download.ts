import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ProblemError, problemOf } from '../client/unwrap.ts';
import type { Endpoint } from './bridge.ts';

/** What is to be fetched, and where to. */
export interface Download {
  readonly endpoint: Endpoint;
  /** Below `/api/`. */
  readonly path: string;
  readonly file: string;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
  /** Called with the bytes that have come so far. */
  readonly onProgress: (bytes: number) => void;
}

/**
 * Writes an answer of the control API to a file, as it comes: into one beside it, which then takes its name, so that
 * what was there stays until all is there. Resolves with its size in bytes; rejects with a `ProblemError` where the
 * sidecar says no, and leaves nothing behind.
 */
export async function download({
  endpoint,
  path,
  file,
  fetch,
  signal,
  onProgress,
}: Download): Promise<number> {
  const response = await fetch(new URL(path, endpoint.url), {
    headers: { authorization: `Bearer ${endpoint.token}` },
    redirect: 'error',
    signal,
  });
  if (!response.ok) throw await problemOf(response);
  const temporary = join(dirname(file), `.${basename(file)}.${randomUUID().slice(0, 8)}.part`);
  const target = await open(temporary, 'wx', 0o600);
  try {
    const size = await copy(response, (bytes) => target.write(bytes), onProgress);
    await target.close();
    await rename(temporary, file);
    return size;
  } catch (error) {
    await target.close();
    await rm(temporary, { force: true });
    throw error;
  }
}

async function copy(
  response: Response,
  write: (bytes: Uint8Array) => Promise<unknown>,
  onProgress: (bytes: number) => void,
): Promise<number> {
  let size = 0;
  const chunks = (response.body ?? []) as AsyncIterable<Uint8Array>;
  try {
    for await (const bytes of chunks) {
      await write(bytes);
      onProgress((size += bytes.byteLength));
    }
  } catch (error) {
    // `terminated`: the connection ended before the answer did. Errors of the disk and the abort say what they are.
    if (!(error instanceof TypeError)) throw error;
    throw new ProblemError(
      'internal',
      500,
      'It was broken off: a request was deleted meanwhile, or Claude Nexus stopped.',
      [],
    );
  }
  return size;
}
