import { createClient, type Client } from '../../client/client.ts';
import { ProblemError, unwrap } from '../../client/unwrap.ts';
import type {
  ConversationDetail,
  ConversationPage,
  LinkExplanation,
  RequestDetail,
  RequestPage,
} from '../../protocol/rows.ts';
import type { SearchPage } from '../../protocol/search.ts';
import type { SidecarStatus } from '../../protocol/status.ts';
import type { PruneBody, PruneReport, StorageReport, VacuumReport } from '../../protocol/storage.ts';
import type { Host } from './host.ts';

/** Stands for the sidecar in addresses; the host knows where it really is. */
const ORIGIN = 'http://sidecar.invalid';

export interface ListFilters {
  search: string;
  state: string;
  branchKind: string;
  project: string;
  model: string;
}

/** Filters of requests by the names of the API's parameters; an empty one is none. Days are `YYYY-MM-DD`, in the user's zone. */
export interface RequestFilters {
  type: string;
  state: string;
  status: string;
  project: string;
  domain: string;
  accountId: string;
  model: string;
  conversationId: string;
  branchId: string;
  dateFrom: string;
  dateTo: string;
}

export type DetailField = Exclude<keyof RequestDetail, 'requestId'>;

/** True when the sidecar answered that it was asked for something that cannot be. */
export function isRefused(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 400;
}

/** True when the sidecar answered that it knows no such thing. */
export function isUnknown(error: unknown): boolean {
  return error instanceof ProblemError && error.status === 404;
}

/** The control API as the panels use it. Failures reject with a sentence for the user as their message. */
export class Api {
  readonly #client: Client;

  constructor(host: Host) {
    this.#client = createClient(ORIGIN, async (input, init) => {
      const url = new URL(input instanceof Request ? input.url : input);
      try {
        return await host.fetch(url.pathname + url.search, init);
      } catch (error) {
        if (init?.signal?.aborted) throw error;
        const said = error instanceof Error && !(error instanceof TypeError) ? error.message : '';
        throw new Error(said || 'The sidecar does not answer.', { cause: error });
      }
    });
  }

  listConversations(
    filters: ListFilters,
    cursor: string | null,
    signal: AbortSignal,
  ): Promise<ConversationPage> {
    const set = Object.entries(filters).filter(([, value]) => value !== '');
    const query = { limit: '50', ...Object.fromEntries(set), ...(cursor === null ? {} : { cursor }) };
    return unwrap(this.#client.api.conversations.$get({ query }, { init: { signal } }));
  }

  listRequests(filters: RequestFilters, cursor: string | null, signal: AbortSignal): Promise<RequestPage> {
    const { dateFrom, dateTo, ...rest } = filters;
    const set = Object.entries(rest).filter(([, value]) => value !== '');
    const query = {
      limit: '100',
      ...Object.fromEntries(set),
      ...dayOf('dateFrom', dateFrom, 0),
      // The last day counts as a whole.
      ...dayOf('dateTo', dateTo, 1),
      ...(cursor === null ? {} : { cursor }),
    };
    return unwrap(this.#client.api.requests.$get({ query }, { init: { signal } }));
  }

  /** Turns in which all of the words are; one page. */
  search(
    words: string,
    filters: Omit<ListFilters, 'search'>,
    cursor: string | null,
    signal: AbortSignal,
  ): Promise<SearchPage> {
    const { state, branchKind, project, model } = filters;
    const set = Object.entries({ state, branchKind, project, model }).filter(([, value]) => value !== '');
    const query = {
      q: words,
      limit: '20',
      ...Object.fromEntries(set),
      ...(cursor === null ? {} : { cursor }),
    };
    return unwrap(this.#client.api.search.$get({ query }, { init: { signal } }));
  }

  getConversation(id: string, signal: AbortSignal): Promise<ConversationDetail> {
    return unwrap(this.#client.api.conversations[':id'].$get({ param: { id } }, { init: { signal } }));
  }

  /** A part of a request: large exchanges are never asked for whole. */
  getRequest(id: string, fields: DetailField[], signal: AbortSignal): Promise<Partial<RequestDetail>> {
    const query = { fields: fields.join(',') };
    return unwrap(this.#client.api.requests[':id'].$get({ param: { id }, query }, { init: { signal } }));
  }

  getLink(id: string, signal: AbortSignal): Promise<LinkExplanation> {
    return unwrap(this.#client.api.requests[':id'].link.$get({ param: { id } }, { init: { signal } }));
  }

  getStatus(signal: AbortSignal): Promise<SidecarStatus> {
    return unwrap(this.#client.api.status.$get({}, { init: { signal } }));
  }

  getStorage(signal: AbortSignal): Promise<StorageReport> {
    return unwrap(this.#client.api.storage.$get({}, { init: { signal } }));
  }

  prune(body: PruneBody, signal: AbortSignal): Promise<PruneReport> {
    return unwrap(this.#client.api.storage.prune.$post({ json: body }, { init: { signal } }));
  }

  vacuum(signal: AbortSignal): Promise<VacuumReport> {
    return unwrap(this.#client.api.storage.vacuum.$post({ json: {} }, { init: { signal } }));
  }
}

/** The midnight that begins a day, so many days later, as the API takes it; nothing for what is no day. */
function dayOf(name: string, day: string, later: number): Record<string, string> {
  const [year, month, date] = day.split('-').map(Number);
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || year === undefined || month === undefined || date === undefined) {
    return {};
  }
  const time = new Date(year, month - 1, date + later);
  return Number.isNaN(time.getTime()) ? {} : { [name]: time.toISOString() };
}
