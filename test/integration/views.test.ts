import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { RequestDetail } from '../../src/protocol/rows.ts';
import { createTestDatabase, engines } from '../support/databases.ts';
import { assistant, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording } from '../support/recording.ts';
import { withStore } from '../support/store-checks.ts';

const server = usePostgres();
const T0 = Date.UTC(2026, 10, 21, 9, 30, 15);

describe.each(engines)('the view api_requests on %s', (engine) => {
  it('has what the API says, for the SQL that users of the old system know', async () => {
    const made = await createTestDatabase(engine, server());
    const recording = startRecording(made);
    const history = [user('fix the bug'), assistant([text('Done.')]), user('thanks')];
    const response = { headers: SSE, chunks: streamOf({ content: [text('Done.')] }) };
    const first = recording.write({ at: T0, body: turn('s', history.slice(0, 1)), response }).id;
    const second = recording.write({ at: T0 + 60_000, body: turn('s', history), response }).id;
    await recording.recorder.drain();
    const details = await Promise.all(
      [second, first].map(async (id) => (await recording.read('getRequest', id)) as RequestDetail),
    );
    await recording.close();

    const { rows } = await withStore(made, (db) =>
      sql<Record<string, unknown>>`
        select request_id, domain, path, model, request_type, state, response_status, input_tokens, output_tokens,
          total_tokens, conversation_id, branch_id, message_count, parent_request_id, current_message_hash,
          parent_message_hash, system_hash, is_subtask, duration_ms
        from api_requests where timestamp >= '2026-11-21' and request_type = 'inference'
        order by timestamp desc`.execute(db),
    );
    expect(rows).toEqual(
      details.map((row) => ({
        request_id: row.requestId,
        domain: row.domain,
        path: row.path,
        model: row.model,
        request_type: row.requestType,
        state: row.state,
        response_status: row.responseStatus,
        input_tokens: row.inputTokens,
        output_tokens: row.outputTokens,
        total_tokens: row.totalTokens,
        conversation_id: row.conversationId,
        branch_id: row.branchId,
        message_count: row.messageCount,
        parent_request_id: row.parentRequestId,
        current_message_hash: row.currentMessageHash,
        parent_message_hash: row.parentMessageHash,
        system_hash: row.systemHash,
        is_subtask: row.isSubtask,
        duration_ms: row.durationMs,
      })),
    );
    expect(rows[0]!['parent_request_id']).toBe(first);
    await made.remove();
  });
});
