import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestDetail } from '../../src/protocol/rows.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import { assistant, SSE, streamOf, text, turn, user } from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Recording } from '../support/recording.ts';
import { faults, withStore } from '../support/store-checks.ts';

const server = usePostgres();

/** What a user may do; `pick` chooses among what there is, `word` among few texts, so that much is shared. */
const act = fc.record({
  kind: fc.constantFrom('begin', 'begin', 'goOn', 'goOn', 'goOn', 'fork', 'forkSession', 'side', 'delete'),
  pick: fc.nat(1000),
  word: fc.nat(2),
});
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

interface Line {
  session: string;
  messages: unknown[];
}

describe.each(engines)('any history of forks and deletions on %s', (engine) => {
  let made: TestDatabase;
  let recording: Recording;
  let at = Date.now() - 86_400_000;
  let run = 0;
  beforeAll(async () => {
    made = await createTestDatabase(engine, server());
    recording = startRecording(made);
  });
  afterAll(async () => {
    await recording.close();
    await made.remove();
  });

  it('leaves what was not deleted byte for byte, and nothing that nobody uses', async () => {
    await fc.assert(fc.asyncProperty(fc.array(act, { minLength: 8, maxLength: 25 }), play), {
      numRuns: 6,
      endOnFailure: true,
    });
    await recording.close();
    expect(await withStore(made, faults)).toEqual([]);
    expect(recording.logs.filter((line) => line.startsWith('error'))).toEqual([]);
    recording = startRecording(made);
  });

  async function play(acts: Act[]): Promise<void> {
    // A tenant of its own: runs share a store and nothing in it.
    const tenant = `run-${String(++run)}`;
    const lines: Line[] = [];
    /** What is stored: what it looked like when it was recorded. */
    const model = new Map<string, RequestDetail>();
    const read = async (id: string): Promise<RequestDetail | null> =>
      (await recording.read('getRequest', id)) as RequestDetail | null;
    const send = async (session: string, messages: unknown[], more = {}): Promise<void> => {
      const { id } = recording.write({
        at: (at += 1000),
        head: { tenant },
        body: turn(session, messages, more),
        response: { headers: SSE, chunks: streamOf({ content: [text(`yes ${String(messages.length)}`)] }) },
      });
      await recording.recorder.drain();
      model.set(id, (await read(id))!);
    };
    for (const { kind, pick, word } of acts) {
      const line = lines[pick % Math.max(1, lines.length)];
      const says = user(`word ${String(word)}`);
      if (kind === 'begin' || line === undefined) {
        const begun: Line = { session: `s-${tenant}-${String(lines.length)}`, messages: [says] };
        lines.push(begun);
        await send(begun.session, begun.messages);
      } else if (kind === 'goOn') {
        line.messages = [...line.messages, assistant([text(`yes ${String(line.messages.length)}`)]), says];
        await send(line.session, line.messages);
      } else if (kind === 'fork' || kind === 'forkSession') {
        const shared = line.messages.slice(0, 1 + 2 * (pick % Math.ceil(line.messages.length / 2)));
        const session = kind === 'fork' ? line.session : `s-${tenant}-${String(lines.length)}`;
        const forked = {
          session,
          messages: [...shared, assistant([text(`yes ${String(shared.length)}`)]), says],
        };
        lines.push(forked);
        await send(session, forked.messages);
      } else if (kind === 'side') {
        await send(line.session, [user('quota')], { max_tokens: 1 });
      } else {
        await forget(model, pick);
      }
    }
    for (const [id, before] of model) {
      const now = await read(id);
      // Only this one changes afterwards: a parent's answer is not, and nobody else's request is.
      expect(now).toEqual(before);
    }
    const gone = acts.filter(({ kind }) => kind === 'delete').length;
    expect(model.size).toBeLessThanOrEqual(acts.length - gone + 1);
  }

  /** Deletes the conversation of one of the requests, in the store and in the model. */
  async function forget(model: Map<string, RequestDetail>, pick: number): Promise<void> {
    const conversations = [...new Set([...model.values()].flatMap((row) => row.conversationId ?? []))];
    const conversationId = conversations[pick % Math.max(1, conversations.length)];
    if (conversationId === undefined) return;
    const detail = (await recording.read('getConversation', conversationId))!;
    const sessions = (id: string): Set<string> =>
      new Set([...model.values()].filter((row) => row.conversationId === id).map(sessionOf));
    const others = conversations.filter((id) => id !== conversationId).flatMap((id) => [...sessions(id)]);
    const own = [...sessions(conversationId)].filter((session) => !others.includes(session));
    const doomed = [...model].filter(
      ([, row]) =>
        row.conversationId === conversationId ||
        (row.conversationId === null && own.includes(sessionOf(row))),
    );
    expect(doomed.length).toBeGreaterThanOrEqual(detail.requests.length);
    const answer = await recording.command('deleteConversation', conversationId);
    expect(answer).toMatchObject({ done: true, removed: { conversations: 1, exchanges: doomed.length } });
    for (const [id] of doomed) {
      model.delete(id);
      expect(await recording.read('getRequest', id)).toBeNull();
    }
  }
});

function sessionOf(row: RequestDetail): string {
  const body = row.requestBody as { metadata: { user_id: string } };
  return (JSON.parse(body.metadata.user_id) as { session_id: string }).session_id;
}
