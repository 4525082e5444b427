import { z } from 'zod';
import { panelTarget } from '../../protocol/bridge.ts';
import type { ListFilters } from '../shared/api.ts';

/** What survives a reload: where the user is and how the surface is arranged. No domain data. */
const filters = z.object({
  search: z.string(),
  state: z.string(),
  branchKind: z.string(),
  project: z.string(),
  model: z.string(),
});

export const turnTab = z.enum(['conversation', 'system', 'tools', 'headers', 'stream', 'json']);
export type TurnTab = z.infer<typeof turnTab>;

const panelState = z.object({
  target: panelTarget,
  filters,
  filtersOpen: z.boolean(),
  /** Share of the width the tree takes, 0.2–0.8. */
  split: z.number(),
  zoom: z.number(),
  tab: turnTab,
  /** Branch shown alone, null for all. */
  branch: z.string().nullable(),
  /** Sub-tasks opened in place. */
  expanded: z.array(z.string()),
});
export type PanelState = z.infer<typeof panelState>;

export const NO_FILTERS: ListFilters = { search: '', state: '', branchKind: '', project: '', model: '' };

export const INITIAL_STATE: PanelState = {
  target: { conversationId: null, requestId: null },
  filters: NO_FILTERS,
  filtersOpen: false,
  split: 0.44,
  zoom: 1,
  tab: 'conversation',
  branch: null,
  expanded: [],
};

/** Reads what the host kept; anything another version wrote is dropped. */
export function readPanelState(value: unknown): PanelState {
  const parsed = panelState.safeParse(value);
  return parsed.success ? parsed.data : INITIAL_STATE;
}
