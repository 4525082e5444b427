import type { Recording } from './recording.ts';
import { until } from './until.ts';

/** Resolves when everything that was written is recorded and in the search index. */
export async function allIndexed(recording: Recording): Promise<void> {
  await recording.recorder.drain();
  await until('The whole search index', 60_000, async () => {
    const { search } = await recording.read('getStorage');
    return search.waiting === 0 || undefined;
  });
}
