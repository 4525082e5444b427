import type { DocumentPart, RequestComparison } from '../../protocol/compare.ts';
import type { ConversationExportQuery, RedactMode } from '../../protocol/export.ts';
import type { ConversationQuery, RequestQuery, SearchQuery, StatsQuery } from '../../protocol/queries.ts';
import type {
  ConversationDetail,
  ConversationPage,
  LinkExplanation,
  RequestDetail,
  RequestPage,
  StatsRow,
} from '../../protocol/rows.ts';
import type { SearchPage } from '../../protocol/search.ts';
import type { StorageReport } from '../../protocol/storage.ts';
import type { ExportPlan, ExportStep } from './export.ts';

/**
 * What the control API asks of the store. The functions run in the recorder's worker thread; their answers cross to
 * the main thread as JSON bytes (bytes as they are), so that rebuilding a large body never blocks the proxy. null: unknown id.
 */
export interface StoreReads {
  listConversations(query: ConversationQuery): Promise<ConversationPage>;
  getConversation(conversationId: string): Promise<ConversationDetail | null>;
  listRequests(query: RequestQuery): Promise<RequestPage>;
  /** `fields`: only these keys of the detail (and `requestId`); all when undefined. */
  getRequest(requestId: string, fields?: string[]): Promise<Partial<RequestDetail> | null>;
  getLink(requestId: string): Promise<LinkExplanation | null>;
  /** In slices, between which others have their turn. */
  search(query: SearchQuery): Promise<SearchPage>;
  getStats(query: StatsQuery): Promise<StatsRow>;
  getStorage(): Promise<StorageReport>;
  /** Bytes, not JSON: the text of a document. */
  getDocument(requestId: string, part: DocumentPart): Promise<Uint8Array | null>;
  getComparison(requestId: string, otherId: string | undefined): Promise<RequestComparison | null>;
  planExport(conversationId: string, query: ConversationExportQuery): Promise<ExportPlan | null>;
  /** Bytes, not JSON: see `exportSteps`. */
  exportSteps(steps: readonly ExportStep[], query: ConversationExportQuery): Promise<Uint8Array | null>;
  /** The file itself. */
  exportRequest(requestId: string, redact: RedactMode): Promise<Uint8Array | null>;
}

/** Runs a store function in the recorder's thread; the answer is UTF-8 JSON, `null` for an unknown id. */
export type ReadStore = <K extends keyof StoreReads>(
  name: K,
  ...args: Parameters<StoreReads[K]>
) => Promise<Uint8Array>;

/** The same for as long as somebody waits for it: what takes several slices ends after the one under way, with `null`. */
export type ReadStoreUntil = <K extends keyof StoreReads>(
  signal: AbortSignal,
  name: K,
  ...args: Parameters<StoreReads[K]>
) => Promise<Uint8Array>;
