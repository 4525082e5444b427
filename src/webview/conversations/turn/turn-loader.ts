import type { RequestDetail, RequestRow } from '../../../protocol/rows.ts';
import type { Api, DetailField } from '../../shared/api.ts';

/** How many turns are kept, so that going back and forth is instant. */
const KEPT = 12;

type Fields = Partial<RequestDetail>;

/** Fetches parts of requests, each once; what still runs is fetched again when its row has changed. */
export class TurnLoader {
  readonly #api: Api;
  readonly #kept = new Map<string, Promise<Fields>>();

  constructor(api: Api) {
    this.#api = api;
  }

  /** Parts of a request. A failed fetch is forgotten, so that trying again tries again. */
  load(request: RequestRow, fields: DetailField[], signal: AbortSignal): Promise<Fields> {
    const key = `${request.requestId}:${request.state}:${request.durationMs ?? ''}:${fields.join()}`;
    const known = this.#kept.get(key);
    if (known) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const loading = this.#api.getRequest(request.requestId, fields, signal);
    this.#kept.set(key, loading);
    const forget = (): void => {
      if (this.#kept.get(key) === loading) this.#kept.delete(key);
    };
    // At once, not when the fetch has noticed: whoever aborts often asks for the same again in the same breath.
    signal.addEventListener('abort', forget);
    loading.catch(forget).finally(() => {
      signal.removeEventListener('abort', forget);
    });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT) break;
      this.#kept.delete(oldest);
    }
    return loading;
  }
}
