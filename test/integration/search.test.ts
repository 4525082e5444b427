import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sql } from 'kysely';
import { searchQuery } from '../../src/protocol/queries.ts';
import type { SearchPage } from '../../src/protocol/search.ts';
import { createTestDatabase, engines, type TestDatabase } from '../support/databases.ts';
import {
  assistant,
  JSON_TYPE,
  SSE,
  streamOf,
  text,
  toolResult,
  toolUse,
  turn,
  user,
} from '../support/messages.ts';
import { usePostgres } from '../support/postgres-suite.ts';
import { startRecording, type Recording } from '../support/recording.ts';
import { faults, withStore } from '../support/store-checks.ts';
import { allIndexed } from '../support/search.ts';

const T0 = Date.UTC(2026, 10, 19, 10);
const server = usePostgres();

describe.each(engines)('search on %s', (engine) => {
  let database: TestDatabase;
  let recording: Recording;
  let at = T0;
  const ids: string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase(engine, server());
    recording = startRecording(database);
    const call = toolUse('toolu_1', 'Bash', {
      command: 'grep -rn "retryLimit" src/upload.ts',
      description: 'Hunt',
    });
    const thought = { type: 'thinking', thinking: 'Perhaps the Mutex is held', signature: 'c2lnbmF0dXJl' };
    const first = user([
      text('<system-reminder>\nsecretreminder\n</system-reminder>'),
      text('Fix the flaky <b>uploadFile</b> test, s’il vous plaît'),
    ]);
    const asked = [first, assistant([thought, text('I look for the culprit.'), call])];
    const brought = [
      ...asked,
      user([toolResult('toolu_1', '  12→const retryLimit = 3;\n  13→// naïve 検索機能')]),
    ];
    const queued = {
      role: 'system',
      content: 'The user sent a new message while you were working:\nalso mind the zeppelin',
    };
    ids.push(
      write(turn('one', [first]), [thought, text('I look for the culprit.'), call]),
      write(turn('one', brought), [text('It was a race: 100% certain_thing.')]),
      write(
        turn('one', [
          ...brought,
          assistant([text('It was a race: 100% certain_thing.')]),
          queued,
          user('thanks'),
        ]),
        [text('You are welcome.')],
      ),
      write(
        turn('two', [user('Fix the flaky download test')], { model: 'claude-other' }),
        [text('No upload here.')],
        {
          head: { project: 'blog', domain: 'team.example' },
        },
      ),
    );
    // A body that is no chain: kept whole.
    recording.write({
      at: (at += 1000),
      body: Buffer.from(
        '{"model":"m","messages":[{"role":"user","content":"whole walrus"}],"messages":[{"role":"user","content":"whole walrus"}]}',
      ),
      response: {
        headers: JSON_TYPE,
        chunks: ['{"type":"message","role":"assistant","content":[{"type":"text","text":"raw raccoon"}]}'],
      },
    });
    await allIndexed(recording);
  });
  afterAll(async () => {
    await recording.close();
    expect(await withStore(database, faults)).toEqual([]);
    expect(recording.logs.filter((line) => /^(error|warn)/.test(line))).toEqual([]);
    await database.remove();
  });

  const write = (
    body: unknown,
    content: Record<string, unknown>[],
    more: Partial<Parameters<Recording['write']>[0]> = {},
  ): string =>
    recording.write({
      at: (at += 1000),
      body,
      response: { headers: SSE, chunks: streamOf({ content }) },
      ...more,
    }).id;

  const search = (q: string, more: Record<string, unknown> = {}): Promise<SearchPage> =>
    recording.read('search', searchQuery.parse({ q, ...more }));
  /** Which turns are found, and in what. */
  const found = async (q: string, more: Record<string, unknown> = {}): Promise<string[]> => {
    const { hits } = await search(q, more);
    return hits.map((hit) => `${String(ids.indexOf(hit.requestId))} ${hit.role} ${hit.kind}`);
  };

  it.each<[string, string[]]>([
    ['flaky', ['3 user text', '0 user text']],
    ['FLAKY upload', ['3 user text', '0 user text']],
    ['upload -culprit', ['3 assistant text']],
    ['uploadfile', ['0 user text']],
    ['file', ['0 user text']],
    ['"the flaky"', ['3 user text', '0 user text']],
    ['"flaky the"', []],
    ['mutex', ['0 assistant thinking']],
    ['bash', ['0 assistant tool_use']],
    ['src/upload.ts', ['0 assistant tool_use']],
    ['retryLimit', ['1 user tool_result', '0 assistant tool_use']],
    ['limit', ['1 user tool_result', '0 assistant tool_use']],
    ['naive', ['1 user tool_result']],
    ['plait', ['0 user text']],
    ['plaît', ['0 user text']],
    ['検索', ['1 user tool_result']],
    ['能', ['1 user tool_result']],
    ['zeppelin', ['2 system text']],
    ['welcome', ['2 assistant text']],
    ['culprit', ['0 assistant text']],
    ['secretreminder', []],
    ['signature', []],
    ['c2lnbmF0dXJl', []],
    ['"You are Claude Code"', []],
    ['certain_thing', ['1 assistant text']],
    ['100%', ['1 assistant text']],
    ['f.aky', []],
    ['fl%', []],
    ['.*flaky', []],
    ["'; drop table request; --", []],
    ['nothing-of-this', []],
  ])('finds %s', async (q, expected) => {
    expect(await found(q)).toEqual(expected);
  });

  it('finds what is in bodies that are kept whole', async () => {
    const { hits } = await search('walrus');
    expect(hits.map(({ snippet }) => snippet)).toEqual(['whole walrus']);
    expect((await search('raccoon')).hits.map(({ role, snippet }) => [role, snippet])).toEqual([
      ['assistant', 'raw raccoon'],
    ]);
  });

  it('shows what stands around it, and where it is', async () => {
    const [hit] = (await search('uploadFile test')).hits;
    expect(hit).toMatchObject({
      requestId: ids[0],
      title: 'Fix the flaky <b>uploadFile</b> test, s’il vous plaît',
      project: 'shop',
      branchId: 'main',
      snippet: 'Fix the flaky <b>uploadFile</b> test, s’il vous plaît',
      highlights: [
        [17, 27],
        [32, 36],
      ],
      timestamp: new Date(T0 + 1000).toISOString(),
    });
  });

  it('keeps to the filters', async () => {
    expect(await found('fix', { project: 'blog' })).toEqual(['3 user text']);
    expect(await found('fix', { domain: 'team.example' })).toEqual(['3 user text']);
    expect(await found('fix', { model: 'claude-other' })).toEqual(['3 user text']);
    expect(
      await found('fix', { project: 'shop', state: 'completed', branchKind: 'main', branchId: 'main' }),
    ).toEqual(['0 user text']);
    expect(await found('fix', { state: 'failed' })).toEqual([]);
    expect(await found('fix', { branchKind: 'subtask' })).toEqual([]);
    const [hit] = (await search('zeppelin')).hits;
    expect(await found('fix', { conversationId: hit!.conversationId })).toEqual(['0 user text']);
    expect(await found('fix', { conversationId: '00000000-0000-4000-8000-000000000000' })).toEqual([]);
    const time = (n: number): string => new Date(T0 + n * 1000).toISOString();
    expect(await found('fix', { dateFrom: time(4) })).toEqual(['3 user text']);
    expect(await found('fix', { dateTo: time(4) })).toEqual(['0 user text']);
  });

  it('refuses what cannot find anything, and says why', async () => {
    for (const [q, why] of [
      ['=>', 'only signs'],
      ['-flaky', 'only words to leave out'],
      ['a b c d e f g h i j k l m n o p q', 'more than 16'],
    ]) {
      await expect(search(q!)).rejects.toThrow(why);
    }
    await expect(search('flaky', { cursor: 'bm9uZQ' })).rejects.toThrow('cursor');
    expect(() => searchQuery.parse({ q: ' ' })).toThrow('nothing in it');
    expect(() => searchQuery.parse({ q: 'x'.repeat(501) })).toThrow();
  });

  it('gives all of many, page by page, the newest first, whether they are in the index or not', async () => {
    const many: string[] = [];
    for (let n = 0; n < 70; n++) {
      many.push(write(turn(`many-${String(n)}`, [user(`common number${String(n)}`)]), [text('ok')]));
    }
    const collect = async (): Promise<string[]> => {
      const all: string[] = [];
      for (let cursor: string | undefined = undefined, pages = 0; pages < 40; pages++) {
        const page: SearchPage = await search('common', { limit: 7, cursor });
        expect(page.hits.length).toBeLessThanOrEqual(7);
        all.push(...page.hits.map(({ requestId }) => requestId));
        if (page.pagination.nextCursor === null) return all;
        cursor = page.pagination.nextCursor;
      }
      throw new Error('There is no last page');
    };
    await recording.recorder.drain();
    const early = await search('common', { limit: 200 });
    expect(early.hits.length + early.waiting).toBeGreaterThanOrEqual(70);
    await allIndexed(recording);
    expect(await collect()).toEqual(many.toReversed());
    expect((await search('number33')).hits.map(({ requestId }) => requestId)).toEqual([many[33]]);
    expect((await search('common -number33', { limit: 100 })).hits).toHaveLength(69);
  });

  it('forgets what is deleted', async () => {
    const doomed = write(turn('doomed', [user('ephemeral walnut')]), [text('ephemeral answer')]);
    await allIndexed(recording);
    const { hits } = await search('ephemeral');
    expect(hits.map(({ requestId }) => requestId)).toEqual([doomed]);
    await recording.command('deleteConversation', hits[0]!.conversationId);
    expect((await search('ephemeral')).hits).toEqual([]);
    expect((await search('common', { limit: 1 })).hits).toHaveLength(1);
    await recording.close();
    await withStore(database, async (db) => {
      expect(await faults(db)).toEqual([]);
      const { rows } = await sql<{
        first: Buffer;
        bytes: Buffer;
      }>`select first, bytes from search_piece`.execute(db);
      expect(rows.length).toBeGreaterThan(0);
    });
    recording = startRecording(database);
    expect((await search('walnut')).hits).toEqual([]);
  });
});
