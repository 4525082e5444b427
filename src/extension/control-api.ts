import { createClient, type Client } from '../client/client.ts';
import { unwrap } from '../client/unwrap.ts';
import type { ConversationPage, RequestDetail, RequestRow, StatsRow } from '../protocol/rows.ts';
import type { SidecarStatus } from '../protocol/status.ts';
import type { Endpoint } from './bridge.ts';
import { NexusFailure } from './problems.ts';

/** Longer than the sidecar itself makes a read wait for a database that is still being created. */
const TIMEOUT_MS = 60_000;

/**
 * The control API as the native views use it, at wherever the sidecar is at the moment. Rejects with the client's
 * `ProblemError`, or with a `NexusFailure` while there is no sidecar.
 */
export class ControlApi {
  readonly #endpoint: () => Endpoint | null;
  readonly #fetch: typeof fetch;

  constructor(endpoint: () => Endpoint | null, fetcher: typeof fetch) {
    this.#endpoint = endpoint;
    this.#fetch = fetcher;
  }

  async conversations(query: {
    project: string | null;
    limit: number;
    cursor: string | null;
  }): Promise<ConversationPage> {
    const { project, limit, cursor } = query;
    return await unwrap(
      this.client().api.conversations.$get({
        query: {
          limit: String(limit),
          ...(project === null ? {} : { project }),
          ...(cursor === null ? {} : { cursor }),
        },
      }),
    );
  }

  /** Totals since a time, in ms since 1970. */
  async stats(since: number): Promise<StatsRow> {
    return await unwrap(this.client().api.stats.$get({ query: { since: new Date(since).toISOString() } }));
  }

  async status(): Promise<SidecarStatus> {
    return await unwrap(this.client().api.status.$get());
  }

  /** The newest failed exchange, of whatever kind; null when nothing ever failed. */
  async latestFailure(): Promise<RequestRow | null> {
    const page = await unwrap(this.client().api.requests.$get({ query: { state: 'failed', limit: '1' } }));
    return page.requests[0] ?? null;
  }

  /** Some fields of a request's detail; bodies can be any JSON. */
  async requestFields(
    requestId: string,
    fields: readonly (keyof RequestDetail)[],
  ): Promise<Partial<RequestDetail>> {
    return await unwrap(
      this.client().api.requests[':id'].$get({
        param: { id: requestId },
        query: { fields: fields.join(',') },
      }),
    );
  }

  /** A client of the sidecar there is at the moment; throws a `NexusFailure` while there is none. */
  client(): Client {
    const endpoint = this.#endpoint();
    if (endpoint === null) throw new NexusFailure('not_answering', 'Claude Nexus is not running.');
    const { url, token } = endpoint;
    return createClient(url, (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set('authorization', `Bearer ${token}`);
      return this.#fetch(input, {
        ...init,
        headers,
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    });
  }
}
