import type { RebuildBody, RebuildState } from '../../protocol/rebuild.ts';
import type {
  DeletedConversation,
  PinnedConversation,
  PruneBody,
  PruneReport,
  VacuumReport,
} from '../../protocol/storage.ts';

/**
 * What the control API has done to the store: in the recorder's thread, between its transactions. A command that takes
 * longer than a request may answers `done: false` and goes on. null: unknown id.
 */
export interface StoreCommands {
  deleteConversation(conversationId: string): Promise<DeletedConversation | null>;
  setPinned(conversationId: string, pinned: boolean): Promise<PinnedConversation | null>;
  prune(body: PruneBody): Promise<PruneReport>;
  vacuum(): Promise<VacuumReport>;
  /** Begins to link stored exchanges anew, and says how far the rebuild is; the other two are quick as well. */
  rebuild(body: RebuildBody): Promise<RebuildState>;
  cancelRebuild(): Promise<RebuildState>;
  rebuildState(): Promise<RebuildState>;
}

/** Runs a command in the recorder's thread; the answer is UTF-8 JSON, `null` for an unknown id. */
export type CommandStore = <K extends keyof StoreCommands>(
  name: K,
  ...args: Parameters<StoreCommands[K]>
) => Promise<Uint8Array>;
