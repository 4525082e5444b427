import type { ColumnType, Generated, Kysely, Transaction } from 'kysely';
import type { BranchKind, ExchangeState, LinkSignal, RequestType } from '../../protocol/rows.ts';

/** The rows of `migrations/`, as both engines return them (see `values.ts` for the types). */
export interface Tables {
  setting: SettingTable;
  block: BlockTable;
  node: NodeTable;
  envelope: EnvelopeTable;
  conversation: ConversationTable;
  branch: BranchTable;
  request: RequestTable;
  answer: AnswerTable;
  /** A view of both; read only. */
  exchange: ExchangeTable;
  invocation: InvocationTable;
  credential: CredentialTable;
  unused: UnusedTable;
  deleted_exchange: DeletedExchangeTable;
  unsearched: UnsearchedTable;
}

export type Store = Kysely<Tables>;
export type Tx = Transaction<Tables>;

/** Read as milliseconds since the epoch (with fractions), written as an ISO text made by `timestamp()`. */
type Time = ColumnType<number, string, string>;
type NullableTime = ColumnType<number | null, string | null, string | null>;
/** Read as the parsed value, written as JSON text. */
type Json<T> = ColumnType<T, string, string>;
/** A column with a default, read as T. */
type Defaulted<T> = ColumnType<T, T | undefined, T>;

interface SettingTable {
  name: string;
  value: string;
  updated_at: Generated<number>;
}

export type BlockKind =
  'message' | 'system' | 'tools' | 'template' | 'overlay' | 'raw' | 'headers' | 'response' | 'shape';

interface BlockTable {
  tenant: string;
  hash: Buffer;
  codec: number;
  raw_size: number;
  kind: BlockKind;
  bytes: Buffer;
}

/** One item with its block apart, or a run of items. */
interface NodeTable {
  tenant: string;
  key: Buffer;
  parent: Buffer | null;
  block: Buffer | null;
  shell: Buffer | null;
  depth: number;
  /** What `run` is packed with: the items deeper than this, up to the parent's; null: nothing. */
  dictionary_from: number | null;
  /** The codec in one byte, then what `joinRun` makes of the items. */
  run: Buffer | null;
}

interface ConversationTable {
  tenant: string;
  id: string;
  project: string | null;
  domain: string;
  account_id: string | null;
  title: string;
  source: Defaulted<'live' | 'imported'>;
  pinned: Defaulted<boolean>;
  started_at: Time;
  last_at: Time;
  latest_id: string;
  latest_started_at: Time;
  request_count: Defaulted<number>;
  message_count: Defaulted<number>;
  total_tokens: Defaulted<number>;
  context_tokens: Defaulted<number>;
  error_count: Defaulted<number>;
  models: Defaulted<string[]>;
  /** Set: on its way out, in no list any more. */
  deleted_at: ColumnType<number | null, string | null | undefined, string | null>;
}

export interface BranchTable {
  tenant: string;
  conversation_id: string;
  branch_id: string;
  kind: BranchKind;
  parent_id: string | null;
  first_id: string;
  created_at: Time;
}

/** What stays the same from one request of a session to the next. */
export interface EnvelopeTable extends Pick<
  ExchangeTable,
  | 'request_headers'
  | 'template'
  | 'system_tip'
  | 'tools_tip'
  | 'system_hash'
  | 'method'
  | 'path'
  | 'http_version'
> {
  tenant: string;
  key: Buffer;
  /** Of the headers. */
  redactions: Json<ExchangeRedaction[]>;
}

/** What is known of an exchange when it begins. Only housekeeping changes a row. */
export type RequestTable = Omit<
  ExchangeTable,
  Exclude<keyof AnswerTable, keyof SharedColumns> | Exclude<keyof EnvelopeTable, 'tenant'> | 'tool_ids'
> & {
  envelope: Buffer;
  /** All of them; null: those of the envelope. */
  redactions: ColumnType<ExchangeRedaction[] | null, string | null, never>;
  /** Of the last message; see `tool-numbers.ts`. */
  tool_ids: number[] | null;
};

/** What its end tells; an exchange without a row runs. Never changed. */
export type AnswerTable = Pick<
  ExchangeTable,
  | 'state'
  | 'first_byte_ms'
  | 'first_token_ms'
  | 'duration_ms'
  | 'error'
  | 'answer_preview'
  | 'tool_call_count'
  | 'input_tokens'
  | 'output_tokens'
  | 'cache_read_tokens'
  | 'cache_creation_tokens'
  | 'cache_creation_1h_tokens'
  | 'response_status'
  | 'response_headers'
  | 'response_body'
  | 'response_cuts'
  | 'response_shape'
  | 'response_tip'
  | 'response_packed'
  | 'response_header_values'
  | 'response_size'
  | 'message_id'
  | 'upstream_id'
  | 'response_link'
> &
  SharedColumns & {
    /** See `answerKey`. */
    answer_key: Buffer | null;
  };

/** Columns of both: the answer's own part, or what it knows better (else null). */
interface SharedColumns {
  tenant: string;
  id: string;
  /** Of a request that named none. */
  model: string | null;
  request_size: number | null;
  request_sha256: Buffer | null;
  /** All of them. */
  redactions: ColumnType<ExchangeRedaction[] | null, string | null, never>;
  /** Of the tools that the answer calls, if any. */
  tool_ids: number[] | null;
  stored_bytes: Defaulted<number>;
}

interface ExchangeRedaction {
  path: string;
  kind: string;
}

export interface ExchangeTable {
  tenant: string;
  id: string;
  project: string | null;
  domain: string;
  account_id: string | null;
  session_id: string | null;
  agent_id: string | null;
  parent_agent_id: string | null;
  type: RequestType;
  state: ExchangeState;
  started_at: Time;
  ended_at: NullableTime;
  first_byte_ms: number | null;
  first_token_ms: number | null;
  duration_ms: number | null;
  method: string;
  path: string;
  http_version: string;
  model: string | null;
  streaming: boolean;
  error: string | null;
  preview: string;
  asked: boolean;
  answer_preview: Generated<string>;
  message_count: number;
  tool_call_count: Defaulted<number>;
  input_tokens: Defaulted<number>;
  output_tokens: Defaulted<number>;
  cache_read_tokens: Defaulted<number>;
  cache_creation_tokens: Defaulted<number>;
  /** Part of `cache_creation_tokens`. */
  cache_creation_1h_tokens: Defaulted<number>;
  /** What this exchange newly added to the store: blocks as they are kept, and nodes. */
  stored_bytes: Defaulted<number>;
  request_headers: Buffer;
  request_length: string | null;
  template: Buffer | null;
  overlay: Buffer | null;
  messages_tip: Buffer | null;
  system_tip: Buffer | null;
  tools_tip: Buffer | null;
  raw: Buffer | null;
  request_size: number;
  request_sha256: Buffer | null;
  redactions: Json<ExchangeRedaction[]>;
  response_status: number | null;
  response_headers: Buffer | null;
  response_body: Buffer | null;
  /** Of rows older than `response_packed`. */
  response_cuts: Buffer | null;
  response_shape: Buffer | null;
  response_tip: Buffer | null;
  response_packed: Buffer | null;
  response_header_values: Buffer | null;
  response_size: number | null;
  message_id: string | null;
  upstream_id: string | null;
  conversation_id: string | null;
  branch_id: string | null;
  parent_id: string | null;
  retry_of: string | null;
  is_subtask: Defaulted<boolean>;
  parent_task_id: string | null;
  request_link: Buffer | null;
  response_link: Buffer | null;
  link_depth: number;
  link_version: number;
  system_hash: Buffer | null;
  summarises: Defaulted<boolean>;
  tool_ids: number[] | null;
  link_signal: LinkSignal;
  link_matched: number;
  link_candidates: Json<{ requestId: string; signal: LinkSignal; why: string }[]>;
}

export interface InvocationTable {
  tenant: string;
  parent_id: string;
  tool_use_id: string;
  conversation_id: string;
  ordinal: number;
  branch_id: string;
  name: string;
  prompt: string;
  prompt_hash: Buffer;
  agent_type: string | null;
  session_id: string | null;
  project: string | null;
  called_at: Time;
  claimed_by: string | null;
}

interface CredentialTable {
  tenant: string;
  fingerprint: string;
  account_id: string;
  seen_at: Time;
}

/** What content is kept in. */
export type ContentKind = 'envelope' | 'node' | 'block';

/** Content that lost a reference: `key` is an envelope's or a node's key or a block's hash. */
interface UnusedTable {
  tenant: string;
  kind: ContentKind;
  key: Buffer;
}

interface DeletedExchangeTable {
  tenant: string;
  id: string;
  deleted_at: Generated<number>;
}

/** An ended request of a conversation that is not in the search index yet. */
interface UnsearchedTable {
  tenant: string;
  id: string;
}
