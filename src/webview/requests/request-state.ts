import { z } from 'zod';
import type { RequestFilters } from '../shared/api.ts';

/** What the panel keeps over a reload: how it is arranged. No domain data. */
const panelState = z.object({
  filters: z.object({
    type: z.string(),
    state: z.string(),
    status: z.string(),
    project: z.string(),
    domain: z.string(),
    accountId: z.string(),
    model: z.string(),
    conversationId: z.string(),
    branchId: z.string(),
    dateFrom: z.string(),
    dateTo: z.string(),
  }),
  filtersOpen: z.boolean(),
});
export type RequestsState = z.infer<typeof panelState>;

export const NO_FILTERS: RequestFilters = {
  type: '',
  state: '',
  status: '',
  project: '',
  domain: '',
  accountId: '',
  model: '',
  conversationId: '',
  branchId: '',
  dateFrom: '',
  dateTo: '',
};

/** Reads what the host kept; anything another version wrote is dropped. */
export function readRequestsState(value: unknown): RequestsState {
  const parsed = panelState.safeParse(value);
  return parsed.success ? parsed.data : { filters: NO_FILTERS, filtersOpen: false };
}

/** What a deep link asks for: `?domain=…` and every other filter by its name. */
export function filtersOfQuery(query: URLSearchParams): Partial<RequestFilters> {
  const names = Object.keys(NO_FILTERS) as (keyof RequestFilters)[];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = query.get(name);
      return value === null ? [] : [[name, value.slice(0, 500)]];
    }),
  );
}
