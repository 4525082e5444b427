import type { ConversationRow } from '../../../src/protocol/rows.ts';
import type { SearchHit, SearchPage } from '../../../src/protocol/search.ts';
import type { Answer, Routes } from './panel.ts';
import type { Scripted } from './scripted-conversation.ts';

/** The control API over fixtures. `conversations` may change between requests: growth. */
export function routesOf(
  conversations: () => Scripted[],
  rows: () => ConversationRow[] = () => [],
  search: (url: URL) => Answer | undefined = () => undefined,
): Routes {
  return (url) => {
    const path = url.pathname;
    if (path === '/api/search') return search(url) ?? { body: hitsPage([]) };
    if (path === '/api/conversations') return { body: page(url, rows()) };
    for (const { detail, requests } of conversations()) {
      if (path === `/api/conversations/${detail.conversation.conversationId}`) return { body: detail };
      const [, requestId, link] = /^\/api\/requests\/([^/]+)(\/link)?$/.exec(path) ?? [];
      const request = requests.get(requestId ?? '');
      if (!request) continue;
      if (link) {
        const timestamp = request.timestamp;
        const candidates = [
          {
            requestId: detail.requests[0]!.requestId,
            signal: 'request-prefix',
            why: 'shares 4 blocks, its answer does not match',
            conversationId: detail.conversation.conversationId,
            title: detail.conversation.title,
            timestamp,
          },
          {
            requestId: '00000000-0000-7000-8000-0000000000f1',
            signal: 'request-prefix',
            why: 'another session, and the own one goes on',
            conversationId: '00000000-0000-7000-8000-0000000000f0',
            title: 'The other upload test',
            timestamp,
          },
          {
            requestId: '00000000-0000-7000-8000-0000000000f2',
            signal: 'tool-id',
            why: 'older than the one that was chosen',
            conversationId: null,
            title: null,
            timestamp: null,
          },
        ];
        return { body: { signal: 'response-prefix', matchedMessages: 6, candidates } };
      }
      const fields = new Set((url.searchParams.get('fields') ?? '').split(','));
      return {
        body: Object.fromEntries(
          Object.entries(request).filter(([name]) => name === 'requestId' || fields.has(name)),
        ),
      };
    }
    return undefined;
  };
}

/** What a search answers. */
export function hitsPage(hits: SearchHit[], change: Partial<SearchPage> = {}): SearchPage {
  return { hits, pagination: { limit: 20, nextCursor: null }, cut: false, waiting: 0, ...change };
}

function page(url: URL, rows: ConversationRow[]): object {
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const limit = Number(url.searchParams.get('limit') ?? 50);
  const search = (url.searchParams.get('search') ?? '').toLowerCase();
  const state = url.searchParams.get('state');
  const found = rows.filter(
    (row) => row.title.toLowerCase().includes(search) && (state === null || row.state === state),
  );
  const next = from + limit < found.length ? String(from + limit) : null;
  return { conversations: found.slice(from, from + limit), pagination: { limit, nextCursor: next } };
}
