import { describe, expect, it } from 'vitest';
import type { StatsRow } from '../protocol/rows.ts';
import type { SidecarStatus } from '../protocol/status.ts';
import { TOOLTIP_COMMANDS, statusText, statusTooltip, type StatusFacts } from './status-text.ts';

const stats = (totalTokens: number): StatsRow => ({
  since: null,
  requests: 41,
  conversations: 3,
  errors: 1,
  inputTokens: 1,
  outputTokens: 2,
  totalTokens,
  cacheReadInputTokens: 1_118_200,
  cacheCreationInputTokens: 0,
});
const NOW = Date.parse('2026-11-23T10:00:00Z');
const status = (
  recorder: Partial<SidecarStatus['recorder']> = {},
  storage: SidecarStatus['storage'] = 'kept',
): SidecarStatus => ({
  storage,
  version: '1.0.0',
  uptimeMs: 1,
  database: { engine: 'pglite', version: '17' },
  upstream: 'https://api.anthropic.com',
  activeRequests: 0,
  windows: 1,
  recorder: { pending: 0, recorded: 1, failed: 0, dropped: 0, lastError: null, ...recorder },
});
const connected: StatusFacts = {
  state: {
    kind: 'connected',
    ready: {
      ready: true,
      url: 'http://127.0.0.1:4000',
      baseUrl: 'http://127.0.0.1:4000/k/made-up-key',
      token: 'made-up-token',
      pid: 1,
      version: '1.0.0',
      protocolVersion: 1,
      attached: false,
    },
  },
  window: stats(62_000),
  today: stats(163_500),
  status: status(),
  health: 'well',
  asOf: NOW,
  routed: true,
};
const down: StatusFacts = {
  ...connected,
  state: { kind: 'down', trouble: { code: 'port_in_use', detail: '127.0.0.1:80 is used.' }, retryInMs: null },
};

describe('the item', () => {
  it.each<[string, StatusFacts, string, string]>([
    ['figures', connected, '$(pulse) 62k tok', 'Claude Nexus: 62,000 tokens in the last 5 hours'],
    ['no figures yet', { ...connected, window: null }, '$(pulse) Nexus', 'Claude Nexus is recording'],
    ['starting', { ...connected, state: { kind: 'starting' } }, '$(pulse) Nexus', 'Claude Nexus is starting'],
    [
      'live mode',
      { ...connected, status: status({}, 'live') },
      '$(pulse) 62k tok',
      'Claude Nexus: 62,000 tokens in the last 5 hours. Live only, nothing is kept',
    ],
    [
      'exchanges that wait',
      { ...connected, health: 'behind', status: status({ pending: 12 }) },
      '$(history) 62k tok · 12 waiting',
      'Claude Nexus: 62,000 tokens in the last 5 hours. 12 exchanges waiting to be stored',
    ],
    [
      'a database that is away',
      { ...connected, window: null, health: 'paused', status: status({ pending: 1 }) },
      '$(warning) Nexus · 1 waiting',
      'Claude Nexus is recording. Storing is paused, 1 exchange waiting',
    ],
    [
      'a database that is away, and nothing to store',
      { ...connected, health: 'paused' },
      '$(warning) 62k tok · storing paused',
      'Claude Nexus: 62,000 tokens in the last 5 hours. Storing is paused',
    ],
    [
      'exchanges that are lost',
      { ...connected, health: 'losing', status: status({ dropped: 1234 }) },
      '$(warning) 62k tok · 1,234 not recorded',
      'Claude Nexus: 62,000 tokens in the last 5 hours. 1.2k exchanges not recorded',
    ],
    ['down', down, '$(debug-disconnect) Nexus off', 'Claude Nexus is not running'],
  ])('%s', (_name, facts, text, label) => {
    expect(statusText(facts)).toEqual({ text, label });
  });
});

describe('the tooltip', () => {
  const tooltip = (facts: StatusFacts): string => statusTooltip(facts, (text) => `<${text}>`);

  it('has exact figures, the upstream and the base URL, but no secret', () => {
    const text = tooltip(connected);
    expect(text.replaceAll('&nbsp;', '')).toContain('| Tokens | 62,000 | 163,500 |');
    expect(text).toContain('`https://api.anthropic.com`');
    expect(text).toContain('`http://127.0.0.1:4000/k/…`');
    expect(text).not.toContain('made-up');
  });

  it('links only to commands that are allowed', () => {
    const allowed = TOOLTIP_COMMANDS.map((name) => `claudeNexus.${name}`);
    for (const facts of [connected, { ...connected, routed: false }, down]) {
      const linked = [...tooltip(facts).matchAll(/\(command:([^)]+)\)/g)].map(([, command]) => command);
      expect(linked.length).toBeGreaterThan(0);
      expect(allowed).toEqual(expect.arrayContaining(linked));
    }
  });

  it('tells what the recorder could not do, why, and what becomes of it', () => {
    const text = tooltip({
      ...connected,
      status: status({
        pending: 12,
        dropped: 3,
        failed: 1,
        lastError: 'no\nspace',
        oldestPendingAt: NOW - 14_000,
        journalBytes: 3_400_000,
        lastDrop: 'the disk was full',
        lastFailure: 'it is kept in /journal/failed',
      }),
    });
    expect(text).toContain('$(warning) <no space>');
    expect(text).toContain('12 exchanges wait to be stored, the oldest for 14.0 s.');
    expect(text).toContain('kept in the journal (3.4 MB) and stored by themselves');
    expect(text).toContain('3 exchanges were not recorded since the start: <the disk was full>');
    expect(text).toContain('1 exchange was not stored since the start: <it is kept in /journal/failed>');
    expect(tooltip(connected)).not.toMatch(/\$\((warning|history)\)/);
  });

  it('says nothing of exchanges that have just come, and what live mode is', () => {
    const fresh = status({ pending: 2, oldestPendingAt: NOW - 100 });
    expect(tooltip({ ...connected, status: fresh })).not.toContain('$(history)');
    expect(tooltip({ ...connected, status: status({}, 'live') })).toContain('live only, nothing is kept');
  });

  it('tells why it is off, and the ways out', () => {
    expect(tooltip(down)).toContain('<127.0.0.1:80 is used.>');
    expect(tooltip(down)).toContain('command:claudeNexus.restartSidecar');
  });
});
