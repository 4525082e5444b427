import type { ConversationRow } from '../../../src/protocol/rows.ts';
import { id } from './scripted-conversation.ts';

const TITLES: [string, string, string, Partial<ConversationRow>][] = [
  [
    'Fix the flaky upload test',
    'upload-service',
    'claude-opus-5-5',
    {
      state: 'running',
      branchCount: 6,
      subtaskBranchCount: 2,
      compactBranchCount: 1,
      errorCount: 2,
      requestCount: 19,
      totalTokens: 62_400,
      latestContextTokens: 84_200,
      cost: 0.84,
    },
  ],
  [
    'Review migration 0042 before the release',
    'billing',
    'claude-haiku-4-5-20251001',
    { requestCount: 6, totalTokens: 8120, latestContextTokens: 31_000, cost: 0.03 },
  ],
  [
    'Why is the worker at 100 % CPU after a reload of the configuration?',
    'upload-service',
    'claude-opus-5-5',
    { branchCount: 3, requestCount: 88, totalTokens: 214_000, latestContextTokens: 163_000, cost: 4.12 },
  ],
  [
    'Write the changelog for 4.2',
    'docs',
    'claude-sonnet-5',
    { requestCount: 3, totalTokens: 2140, latestContextTokens: 18_300, cost: null },
  ],
  [
    'Port the whole test suite to the new runner',
    'billing',
    'claude-opus-5-5',
    {
      branchCount: 44,
      subtaskBranchCount: 36,
      compactBranchCount: 4,
      requestCount: 2000,
      totalTokens: 3_420_000,
      latestContextTokens: 640_000,
      cost: 96.4,
    },
  ],
  [
    'Explain the retry policy',
    'upload-service',
    'claude-haiku-4-5-20251001',
    { state: 'failed', errorCount: 1, requestCount: 1, totalTokens: 0, latestContextTokens: 0, cost: null },
  ],
  [
    'Add a dark theme to the admin pages',
    'admin',
    'claude-sonnet-5',
    {
      subtaskBranchCount: 3,
      branchCount: 4,
      requestCount: 41,
      totalTokens: 71_900,
      latestContextTokens: 112_000,
      cost: 1.36,
      pinned: true,
    },
  ],
  [
    'Translate the onboarding mails',
    'mails',
    'claude-haiku-4-5-20251001',
    { state: 'aborted', requestCount: 12, totalTokens: 21_000, latestContextTokens: 40_100, cost: 0.11 },
  ],
];

/** `count` rows, newest first, the first eight as in the pictures. `now` in ms. */
export function listRows(count: number, now: number): ConversationRow[] {
  const ages = [0, 2, 5, 9, 26, 31, 74, 120].map((hours) => hours * 3_600_000);
  return Array.from({ length: count }, (_value, index) => {
    const [title, project, model, extra] = TITLES[index % TITLES.length]!;
    const round = Math.floor(index / TITLES.length);
    const time = new Date(
      now - (ages[index % ages.length] ?? 0) - round * 7 * 86_400_000 - 20_000,
    ).toISOString();
    return {
      conversationId: id(index + 1, 9),
      title: round === 0 ? title : `${title} (${round + 1})`,
      project,
      domain: '127.0.0.1:4517',
      accountId: null,
      source: 'live',
      state: 'completed',
      pinned: false,
      firstMessageTime: time,
      lastMessageTime: time,
      requestCount: 1,
      messageCount: 1,
      totalTokens: 0,
      contextTokens: 0,
      cost: null,
      errorCount: 0,
      branchCount: 1,
      subtaskBranchCount: 0,
      compactBranchCount: 0,
      modelsUsed: [model],
      latestRequestId: id(index + 1),
      latestModel: model,
      latestContextTokens: 0,
      ...extra,
    };
  });
}
