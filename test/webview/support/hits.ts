import type { SearchHit } from '../../../src/protocol/search.ts';
import type { ConversationRow } from '../../../src/protocol/rows.ts';
import type { Scripted } from './scripted-conversation.ts';

/** A hit whose snippet has what was found between « and ». */
function hit(
  of: Pick<SearchHit, 'conversationId' | 'requestId' | 'title' | 'role' | 'kind'>,
  at: number,
  marked: string,
): SearchHit {
  const highlights: [number, number][] = [];
  let snippet = '';
  for (const [index, part] of marked.split(/[«»]/).entries()) {
    if (index % 2 === 1) highlights.push([snippet.length, snippet.length + part.length]);
    snippet += part;
  }
  return {
    ...of,
    project: 'upload-service',
    branchId: 'main',
    snippet,
    highlights,
    timestamp: new Date(at).toISOString(),
  };
}

/** What "retry" finds: three turns of the upload test, one of another conversation, one that is not harmless. */
export function retryHits(upload: Scripted, rows: ConversationRow[], now: number): SearchHit[] {
  const { conversationId, title } = upload.detail.conversation;
  const own = { conversationId, title };
  const other = { conversationId: rows[5]!.conversationId, title: rows[5]!.title };
  const requestId = (name: string): string => upload.ids.get(name)!;
  return [
    hit(
      { ...own, requestId: requestId('agents'), role: 'assistant', kind: 'thinking' },
      now - 240_000,
      'The «retry» swallows the first error: what the test sees is the second one. Two agents can look at the server and at the client side of the «retry» at the same time.',
    ),
    hit(
      { ...own, requestId: requestId('ask'), role: 'user', kind: 'text' },
      now - 300_000,
      'fix the flaky upload test, the «retry» hides the real error',
    ),
    hit(
      { ...other, requestId: '00000000-0000-7000-8000-00000000aa01', role: 'assistant', kind: 'tool_use' },
      now - 26 * 3_600_000,
      'Grep «retry»|backoff src/upload/policy.ts',
    ),
    hit(
      { ...other, requestId: '00000000-0000-7000-8000-00000000aa02', role: 'user', kind: 'tool_result' },
      now - 27 * 3_600_000,
      '…src/upload/policy.ts:12: <img src=x onerror="window.pwned = 1"> «re\u202etry»(3) \u001b[31mred\u001b[0m and pass\u200bword…',
    ),
  ];
}
