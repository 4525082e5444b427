import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { LinkSignal, RequestType } from '../../src/protocol/rows.ts';
import { uuidV7 } from '../../src/sidecar/core/ids.ts';
import { openDatabase, type Database } from '../../src/sidecar/store/database.ts';
import { createTestDatabase, engines } from '../support/databases.ts';
import { contextOf } from '../support/in-process.ts';
import { score, type Linked, type Told } from '../support/link-score.ts';
import { inOrder, rebuilt, scriptOf, stepsOf } from '../support/link-state.ts';
import { pooledCaptures } from '../support/pooled.ts';
import { usePostgres } from '../support/postgres-suite.ts';

const T0 = Date.UTC(2026, 10, 21, 9, 0, 0);
const server = usePostgres();

/** Each scenario is a tenant of its own: nothing of another one is there. */
const captures = pooledCaptures().map((exchange, index) => {
  const at = T0 + index * 1000;
  const script = scriptOf(exchange, at);
  return {
    exchange,
    script: { ...script, id: uuidV7(at), head: { ...script.head, tenant: exchange.scenario } },
  };
});

describe.each(engines)('each scenario of the captures alone, on %s', (engine) => {
  it('is linked as it was, live and by a rebuild', async () => {
    const made = await createTestDatabase(engine, server());
    const database = await openDatabase(made.options);
    try {
      const context = contextOf(database);
      const steps = await Promise.all(captures.map(({ script }) => stepsOf(script)));
      for (const step of inOrder(steps.flat())) await step.run(context);
      expect(score(await told(database)).flatMap(({ wrong }) => wrong)).toEqual([]);
      expect(await rebuilt(database, { apply: true })).toMatchObject({
        state: 'done',
        examined: captures.length,
        changed: 0,
      });
      expect(score(await told(database)).flatMap(({ wrong }) => wrong)).toEqual([]);
    } finally {
      await database.close();
      await made.remove();
    }
  }, 240_000);
});

interface Row {
  id: string;
  type: RequestType;
  conversation_id: string | null;
  branch_id: string | null;
  link_signal: LinkSignal;
  parent_id: string | null;
  retry_of: string | null;
  is_subtask: boolean;
  tool_use_id: string | null;
  opens: Linked['decision']['branch']['kind'] | null;
}

/** What became of every capture. */
async function told({ db }: Database): Promise<Told[]> {
  const { rows } = await sql<Row>`
    select request.id, request.type, request.conversation_id, request.branch_id, request.link_signal,
      request.parent_id, request.retry_of, request.is_subtask, invocation.tool_use_id, branch.kind as opens
    from request
    left join invocation on invocation.tenant = request.tenant and invocation.parent_id = request.parent_id
      -- Several agents of a workflow share its call.
      and invocation.branch_id = regexp_replace(request.branch_id, '^(subtask_\\d+)_\\d+$', '\\1')
    left join branch on branch.tenant = request.tenant and branch.conversation_id = request.conversation_id
      and branch.first_id = request.id`.execute(db);
  const found = new Map(rows.map((row) => [row.id, row]));
  const names = new Map(captures.map(({ script, exchange }) => [script.id, exchange.id]));
  const nameOf = (id: string | null): string | null => (id === null ? null : (names.get(id) ?? id));
  return captures.map(({ exchange, script }) => {
    const row = found.get(script.id)!;
    return {
      exchange,
      result: {
        conversationId: row.conversation_id,
        branchId: row.branch_id,
        facts: { requestType: row.type },
        decision: {
          signal: row.link_signal,
          parentRequestId: nameOf(row.parent_id),
          retryOf: nameOf(row.retry_of),
          isSubtask: row.is_subtask,
          toolUseId: row.tool_use_id,
          branch: { kind: row.opens ?? 'same', id: row.branch_id ?? '', isNew: row.opens !== null },
        },
      },
    };
  });
}
