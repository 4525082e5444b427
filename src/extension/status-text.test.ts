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
const status = (recorder: Partial<SidecarStatus['recorder']> = {}): SidecarStatus => ({
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

  it('tells what the recorder could not do', () => {
    const text = tooltip({
      ...connected,
      status: status({ pending: 12, dropped: 3, lastError: 'no\nspace' }),
    });
    expect(text).toContain('12 exchanges wait');
    expect(text).toContain('3 exchanges were not recorded');
    expect(text).toContain('<no space>');
    expect(tooltip(connected)).not.toContain('$(warning)');
  });

  it('tells why it is off, and the ways out', () => {
    expect(tooltip(down)).toContain('<127.0.0.1:80 is used.>');
    expect(tooltip(down)).toContain('command:claudeNexus.restartSidecar');
  });
});
