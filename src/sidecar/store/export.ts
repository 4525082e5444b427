import type { ConversationExportQuery, RedactMode, SharedContent } from '../../protocol/export.ts';
import { requestDetail, requestRow, type RequestDetail, type RequestRow } from '../../protocol/rows.ts';
import { foldBody } from '../core/export/shared-body.ts';
import { outlineOf, type OutlineTurn } from '../core/export/outline.ts';
import { readExportTurn } from '../core/export/turn.ts';
import { documentWriters, type ExportInfo } from '../core/export/writer.ts';
import { redactBody } from '../core/redact-body.ts';
import type { BodyPolicy } from '../core/redact-edits.ts';
import type { ChainCache } from './chain-cache.ts';
import type { ReadableStore } from './columns.ts';
import { readConversation } from './read-conversation.ts';
import { readBodyOf, jsonOrText, readExchange, readLink } from './read-exchange.ts';
import type { Store } from './tables.ts';

/** One step of an export: an exchange, and what stands before it. */
export interface ExportStep {
  before: string;
  requestId: string;
  /** JSON: an earlier one whose content it does not repeat. */
  base: string | null;
  /** Documents for people; null in JSON. */
  turn: OutlineTurn | null;
}

/** How a conversation is written: `head`, then each step, then `tail`. Small, whatever the conversation holds. */
export interface ExportPlan {
  title: string;
  head: string;
  steps: ExportStep[];
  tail: string;
}

/** What the reads of an export work with. `ownSecrets`: the product's own keys as they are now. */
export interface ExportSource {
  store: ReadableStore;
  generator: string;
  ownSecrets: readonly string[];
  chains: ChainCache;
}

/** Between two slices others are answered. */
const SLICE_MS = 25;
const SLICE_BYTES = 512 * 1024;

/** null: unknown id. */
export async function planExport(
  source: ExportSource,
  conversationId: string,
  query: ConversationExportQuery,
): Promise<ExportPlan | null> {
  const detail = await readConversation(source.store, conversationId);
  if (detail === null) return null;
  const shown = redactJson(detail, policyOf(source, query.redact));
  const info = infoOf(source, query.redact);
  const { title } = shown.conversation;
  if (query.format === 'json') {
    const { requests, sideCalls, ...rest } = shown;
    const about = { format: 'claude-nexus-conversation', version: 1, ...info, ...rest };
    const latest = new Map<string | null, string>();
    const main = requests.map((row, index): ExportStep => {
      const base = latest.get(row.branchId) ?? row.parentRequestId;
      latest.set(row.branchId, row.requestId);
      return { before: index === 0 ? '' : ',\n', requestId: row.requestId, base, turn: null };
    });
    const side = sideCalls.map((row, index): ExportStep => ({
      before: index === 0 ? '' : ',\n',
      requestId: row.requestId,
      base: null,
      turn: null,
    }));
    const between = '\n],\n"sideCalls":[\n';
    if (side[0] !== undefined) side[0].before = between;
    return {
      title,
      head: `${JSON.stringify(about).slice(0, -1)},\n"requests":[\n`,
      steps: [...main, ...side],
      tail: `${side.length === 0 ? between : ''}\n]}\n`,
    };
  }
  const writer = documentWriters[query.format];
  const sections = outlineOf(shown);
  return {
    title,
    head: writer.head(shown, sections, info),
    steps: sections.flatMap((section) =>
      section.turns.map((turn, index): ExportStep => ({
        before: index === 0 ? writer.section(section) : '',
        requestId: turn.requestId,
        base: null,
        turn,
      })),
    ),
    tail: writer.tail(),
  };
}

/**
 * The next steps as they stand in the file, in UTF-8 behind a line that says how many they are: at least one, and no
 * more than fit in a slice. null: an exchange has been deleted meanwhile.
 */
export async function exportSteps(
  source: ExportSource,
  steps: readonly ExportStep[],
  query: ConversationExportQuery,
): Promise<Uint8Array | null> {
  const begun = performance.now();
  const reading = new Reading(source, query);
  const parts: string[] = [];
  let size = 0;
  for (const step of steps) {
    const text =
      step.turn === null ? await jsonStep(reading, step) : await documentStep(reading, step.turn, query);
    if (text === null) return null;
    parts.push(step.before, text);
    size += text.length;
    if (size >= SLICE_BYTES || performance.now() - begun >= SLICE_MS) break;
  }
  return Buffer.from(`${parts.length / 2}\n${parts.join('')}`);
}

/** One request as a file; null: unknown id. */
export async function exportRequest(
  source: ExportSource,
  requestId: string,
  redact: RedactMode,
): Promise<Uint8Array | null> {
  const policy = policyOf(source, redact);
  const detail = await readExchange(source.store.db, requestId, undefined, { policy });
  const link = await readLink(source.store.db, requestId);
  if (detail === null || link === null) return null;
  const about = { format: 'claude-nexus-request', version: 1, ...infoOf(source, redact) };
  const text = JSON.stringify({ ...about, request: { ...detail, link } }, null, 2);
  return redactBody(Buffer.from(`${text}\n`), policy, '').body;
}

/** What the steps of one slice read. */
class Reading {
  readonly policy: BodyPolicy;
  readonly db: Store;
  readonly #chains: ChainCache;
  readonly #fields: string[];

  constructor(source: ExportSource, { redact, format }: ConversationExportQuery) {
    this.policy = policyOf(source, redact);
    this.db = source.store.db;
    this.#chains = source.chains;
    this.#fields = format === 'json' ? ALL_BUT_BODY : DOCUMENT_FIELDS;
  }

  /** All but the request's body; masked only where it must be before it is put together, see `readExchange`. */
  exchange(requestId: string): Promise<Partial<RequestDetail> | null> {
    return readExchange(this.db, requestId, this.#fields, { policy: this.policy, chains: this.#chains });
  }

  /** null: there is none, or no such request. */
  body(requestId: string): Promise<Buffer | null> {
    return this.#chains.body(requestId, () => readBodyOf(this.db, requestId, this.#chains.read));
  }

  /** The request's body without what another one has. */
  async folded(
    requestId: string,
    base: string | null,
  ): Promise<{ body: unknown; shared: SharedContent | null }> {
    const own = await this.body(requestId);
    const other = base === null ? null : await this.body(base);
    if (own === null) return { body: null, shared: null };
    const { body, shared } = foldBody(
      own,
      base === null || other === null ? null : { requestId: base, body: other },
    );
    return { body: jsonOrText(body), shared };
  }
}

const ALL_BUT_BODY = Object.keys(requestDetail.shape).filter((name) => name !== 'requestBody');
const DOCUMENT_FIELDS = [...Object.keys(requestRow.shape), 'responseBody'];

async function jsonStep(reading: Reading, { requestId, base }: ExportStep): Promise<string | null> {
  const detail = await reading.exchange(requestId);
  const link = await readLink(reading.db, requestId);
  if (detail === null || link === null) return null;
  const { body, shared } = await reading.folded(requestId, base);
  const text = JSON.stringify({ ...detail, requestBody: body, link, shared });
  return redactBody(Buffer.from(text), reading.policy, '').body.toString();
}

async function documentStep(
  reading: Reading,
  turn: OutlineTurn,
  { format }: ConversationExportQuery,
): Promise<string | null> {
  const detail = await reading.exchange(turn.requestId);
  if (detail === null || format === 'json') return null;
  const { responseBody, ...row } = detail;
  // What a retry asks was asked before it.
  const own = turn.retry
    ? null
    : await reading.folded(turn.requestId, turn.known === null ? null : turn.before);
  const next = turn.next === null ? null : await reading.folded(turn.next, turn.requestId);
  const content = readExportTurn({
    requestBody: own?.body ?? null,
    responseBody,
    known: turn.known === null ? null : Math.max(0, turn.known - (own?.shared?.messages ?? 0)),
    nextBody: next?.body ?? null,
  });
  const shown = redactJson({ row: row as RequestRow, content }, reading.policy);
  return documentWriters[format].turn(turn, shown.row, shown.content);
}

function policyOf({ ownSecrets }: ExportSource, mode: RedactMode): BodyPolicy {
  return { mode, ownSecrets };
}

function infoOf({ generator }: ExportSource, redact: RedactMode): ExportInfo {
  return { exportedAt: new Date().toISOString(), generator, redact };
}

/** The same value without what the policy masks. */
function redactJson<T>(value: T, policy: BodyPolicy): T {
  if (policy.mode === 'none') return value;
  const bytes = Buffer.from(JSON.stringify(value));
  const { body } = redactBody(bytes, policy, '');
  return body === bytes ? value : (JSON.parse(body.toString()) as T);
}
