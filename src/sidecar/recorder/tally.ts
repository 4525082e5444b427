import type { ExchangeState, RequestType } from '../../protocol/rows.ts';

/** What has been recorded since the thread's start, for `GET /metrics`. */
export interface TallySnapshot {
  recorded: { type: RequestType; state: ExchangeState; count: number }[];
  tokens: { input: number; output: number; cache_read: number; cache_creation: number };
}

export const emptyTally = (): TallySnapshot => ({
  recorded: [],
  tokens: { input: 0, output: 0, cache_read: 0, cache_creation: 0 },
});

/** Counts exchanges as they reach the store. */
export class Tally {
  readonly #counts = emptyTally();

  add(
    type: RequestType,
    state: ExchangeState,
    usage: Partial<
      Record<
        'input_tokens' | 'output_tokens' | 'cache_read_tokens' | 'cache_creation_tokens',
        number | undefined
      >
    >,
  ): void {
    const { recorded, tokens } = this.#counts;
    const known = recorded.find((entry) => entry.type === type && entry.state === state);
    if (known === undefined) recorded.push({ type, state, count: 1 });
    else known.count++;
    tokens.input += usage.input_tokens ?? 0;
    tokens.output += usage.output_tokens ?? 0;
    tokens.cache_read += usage.cache_read_tokens ?? 0;
    tokens.cache_creation += usage.cache_creation_tokens ?? 0;
  }

  snapshot(): TallySnapshot {
    return structuredClone(this.#counts);
  }
}
