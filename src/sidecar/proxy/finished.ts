import type { ProblemCode } from '../../protocol/problem.ts';
import { pathKind } from './paths.ts';

/** What is known of an exchange when it has ended for its client. */
export interface FinishedExchange {
  path: 'messages' | 'count_tokens' | 'other';
  /** Of the answer, ours or the upstream's; null: none was sent. */
  status: number | null;
  /** Why it did not end as the upstream meant; null: it did. */
  error: ProblemCode | 'client_aborted' | null;
  /** Until the first byte of the body, ms; null: there was none. */
  firstByteMs: number | null;
  durationMs: number;
}

/** Measures one exchange. `clock` in ms. */
export class Stopwatch {
  readonly #path: FinishedExchange['path'];
  readonly #clock: () => number;
  readonly #startedAt: number;
  #status: number | null = null;
  #firstByteMs: number | null = null;

  constructor(path: string, clock: () => number = () => performance.now()) {
    this.#path = pathKind(path);
    this.#clock = clock;
    this.#startedAt = clock();
  }

  head(status: number): void {
    this.#status = status;
  }

  byte(): void {
    this.#firstByteMs ??= this.#clock() - this.#startedAt;
  }

  end(error: FinishedExchange['error']): FinishedExchange {
    return {
      path: this.#path,
      status: this.#status,
      error,
      firstByteMs: this.#firstByteMs,
      durationMs: this.#clock() - this.#startedAt,
    };
  }
}
