import { expect, it } from 'vitest';
import type { ConversationPage } from '../protocol/rows.ts';
import { ConversationFeed, type PageSource } from './conversation-feed.ts';
import { conversationRow } from './test-rows.ts';

/** A store of `counts` conversations per project; cursors are offsets. `asked` notes every question. */
function store(counts: Record<string, number>) {
  const asked: string[] = [];
  const source: PageSource = ({ project, limit, cursor }) => {
    asked.push(`${project ?? '*'} ${limit} ${cursor ?? '-'}`);
    const start = Number(cursor ?? 0);
    const total = counts[project ?? '*'] ?? 0;
    const end = Math.min(start + limit, total);
    const conversations = Array.from({ length: end - start }, (_, index) =>
      conversationRow({ conversationId: `${project ?? '*'}-${start + index}` }),
    );
    const page: ConversationPage = {
      conversations,
      pagination: { limit, nextCursor: end < total ? String(end) : null },
    };
    return Promise.resolve(page);
  };
  return { source, asked, counts };
}

it('loads page by page', async () => {
  const { source } = store({ '*': 5 });
  const feed = new ConversationFeed(source, 2);
  feed.show(null);
  await feed.reload();
  expect([feed.rows.length, feed.hasMore]).toEqual([2, true]);
  await feed.more();
  await feed.more();
  expect([feed.rows.length, feed.hasMore]).toEqual([5, false]);
});

it('asks again for as many as are shown', async () => {
  const { source, asked, counts } = store({ '*': 450 });
  const feed = new ConversationFeed(source, 150);
  feed.show(null);
  await feed.reload();
  await feed.more();
  counts['*'] = 460;
  asked.length = 0;
  await feed.reload();
  expect(asked).toEqual(['* 200 -', '* 100 200']);
  expect(feed.rows).toHaveLength(300);
});

it('joins the projects of several folders, each with its own pages', async () => {
  const { source } = store({ app: 3, lib: 1 });
  const feed = new ConversationFeed(source, 2);
  feed.show(['app', 'lib', 'app']);
  await feed.reload();
  expect(feed.rows.map((row) => row.conversationId)).toEqual(['app-0', 'app-1', 'lib-0']);
  await feed.more();
  expect(feed.rows.map((row) => row.conversationId)).toEqual(['app-0', 'app-1', 'app-2', 'lib-0']);
  expect(feed.hasMore).toBe(false);
});

it('shows a conversation once that moved to another page in between', async () => {
  const page = (ids: string[], nextCursor: string | null): ConversationPage => ({
    conversations: ids.map((conversationId) => conversationRow({ conversationId })),
    pagination: { limit: 2, nextCursor },
  });
  const feed = new ConversationFeed(
    ({ cursor }) => Promise.resolve(cursor === null ? page(['a', 'b'], '2') : page(['b', 'c'], null)),
    2,
  );
  feed.show(null);
  await feed.reload();
  await feed.more();
  expect(feed.rows.map((row) => row.conversationId)).toEqual(['a', 'b', 'c']);
  await feed.reload();
  expect(feed.rows.map((row) => row.conversationId)).toEqual(['a', 'b', 'c']);
});

it('drops an answer to an older choice of projects', async () => {
  const { source } = store({ app: 1, '*': 4 });
  const feed = new ConversationFeed(source, 10);
  feed.show(['app']);
  const late = feed.reload();
  feed.show(null);
  expect(await late).toBe(false);
  expect(feed.rows).toEqual([]);
  expect(await feed.reload()).toBe(true);
  expect(feed.rows).toHaveLength(4);
});
