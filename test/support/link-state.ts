import { sql } from 'kysely';
import { relinkAll, Rebuild } from '../../src/sidecar/recorder/rebuild.ts';
import type { RecordContext } from '../../src/sidecar/recorder/record.ts';
import { recordCalls, recordRequest } from '../../src/sidecar/recorder/record.ts';
import { recordEnd } from '../../src/sidecar/recorder/record-end.ts';
import type { RebuildState } from '../../src/protocol/rebuild.ts';
import { decodeFrames, FrameKind, type EndFrame } from '../../src/sidecar/core/frames.ts';
import { OpenExchange } from '../../src/sidecar/recorder/open-exchange.ts';
import type { Database } from '../../src/sidecar/store/database.ts';
import type { Store } from '../../src/sidecar/store/tables.ts';
import type { PooledExchange } from './pooled.ts';
import { journalOf, type ScriptedExchange } from './recording.ts';

/** All that linking has written, row by row, as text: for comparing two stores, or one with itself. */
export async function linkState(db: Store): Promise<string[]> {
  const { rows } = await sql<{ line: string }>`
    select 'exchange ' || started_at || ' ' || id || ' ' || json_build_object('type', type, 'conversation', conversation_id,
      'branch', branch_id, 'parent', parent_id, 'retry', retry_of, 'subtask', is_subtask, 'task', parent_task_id,
      'request', encode(request_link, 'hex'), 'response', encode(response_link, 'hex'), 'depth', link_depth,
      'messages', message_count, 'signal', link_signal, 'matched', link_matched, 'version', link_version,
      'tools', tool_ids, 'summarises', summarises, 'candidates', link_candidates) as line from exchange
    union all select 'conversation ' || id || ' ' || json_build_object('title', title, 'project', project, 'domain', domain,
      'account', account_id, 'pinned', pinned, 'from', started_at, 'to', date_trunc('milliseconds', last_at),
      'latest', latest_id, 'requests', request_count, 'messages', message_count, 'tokens', total_tokens,
      'context', context_tokens, 'errors', error_count, 'models', models) from conversation
    union all select 'branch ' || conversation_id || ' ' || branch_id || ' ' || json_build_object('kind', kind,
      'parent', parent_id, 'first', first_id, 'at', created_at) from branch
    union all select 'call ' || conversation_id || ' ' || lpad(ordinal::text, 6) || ' ' || json_build_object('parent', parent_id,
      'tool', tool_use_id, 'branch', branch_id, 'claimed', claimed_by, 'hash', encode(prompt_hash, 'hex')) from invocation
    order by 1`.execute(db);
  return rows.map((row) => row.line);
}

/** Links anew what is on the list, without a recorder around it. */
export function relinkListed(database: Database): Promise<number> {
  return relinkAll((slice) => slice(database), hooks);
}

/** A whole rebuild, without a recorder around it. */
export async function rebuilt(
  database: Database,
  body: { conversationId?: string; domain?: string; apply: boolean },
): Promise<RebuildState> {
  const rebuild = new Rebuild(body, hooks);
  await rebuild.run(
    (slice) => slice(database),
    (slice) => slice(database),
  );
  return rebuild.state;
}

const hooks = {
  tell: () => undefined,
  log: (_level: string, message: string, fields: object) => {
    throw new Error(`${message} ${JSON.stringify(fields)}`);
  },
};

/** Something to be recorded of an exchange. `at`: when it happened. */
export interface RecordStep {
  at: number;
  begins: boolean;
  id: string;
  run(context: RecordContext): Promise<void>;
}

/** The steps of an exchange, as the recorder takes them from its journal. */
export async function stepsOf(script: ScriptedExchange): Promise<RecordStep[]> {
  const { frames } = decodeFrames(journalOf(script).bytes);
  const exchange = new OpenExchange(frames[0]!, { mode: 'own', ownSecrets: [] });
  const steps: RecordStep[] = [];
  const { id } = exchange.head;
  for (const frame of frames) {
    for (const step of await exchange.take(frame)) {
      steps.push({
        at: step.at,
        begins: step.kind === 'begin',
        id,
        run: async (context) => {
          if (step.kind === 'begin') await recordRequest(context, exchange);
          else if (step.kind === 'calls') await recordCalls(context, exchange, step.calls, step.at);
          else await recordEnd(context, exchange, step.end, step.at);
        },
      });
    }
  }
  const last = frames.at(-1)!;
  if (last.kind !== FrameKind.end) throw new Error('A script without an end');
  return steps;
}

/** As one recorder takes them that hears of everything at once. */
export function inOrder(steps: RecordStep[]): RecordStep[] {
  return steps.toSorted(
    (a, b) => a.at - b.at || Number(a.begins) - Number(b.begins) || (a.id < b.id ? -1 : Number(a.id > b.id)),
  );
}

/** A captured exchange as a journal has it, sent at `at`; whole answers only take `lasts` ms. */
export function scriptOf(captured: PooledExchange, at: number, lasts = 100): ScriptedExchange {
  const { request, response } = captured;
  const { ended } = response;
  const reason: EndFrame['reason'] =
    ended === 'aborted'
      ? 'client-aborted'
      : ended === 'complete' || ended === 'fault:truncate'
        ? 'complete'
        : 'upstream-error';
  return {
    at,
    head: { method: request.method, path: request.path, headers: request.headers, project: null },
    body: request.body.length === 0 ? null : request.body,
    ...(response.status === 0
      ? {}
      : {
          response: {
            status: response.status,
            headers: Object.entries(response.headers),
            chunks: response.body.length === 0 ? [] : [response.body],
            afterMs: lasts,
          },
        }),
    end: { reason },
  };
}
