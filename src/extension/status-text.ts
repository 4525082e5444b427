import type { StatsRow } from '../protocol/rows.ts';
import type { SidecarStatus } from '../protocol/status.ts';
import { maskPathKey } from './project-names.ts';
import type { SidecarState } from './sidecar-supervisor.ts';
import { formatCount, formatExact } from '../wording/numbers.ts';
import { oneLine } from './one-line.ts';
import { healthLines, healthSign, type RecorderHealth } from './recorder-health.ts';

/** The 5-hour window of Claude's plans, in ms. */
export const WINDOW_MS = 5 * 3_600_000;

/** What the status bar knows. Null: not asked yet, or no answer. */
export interface StatusFacts {
  readonly state: SidecarState;
  readonly window: StatsRow | null;
  readonly today: StatsRow | null;
  readonly status: SidecarStatus | null;
  readonly health: RecorderHealth;
  /** When `status` came, in ms since the epoch. */
  readonly asOf: number;
  /** Whether new terminals of this window go through the sidecar. */
  readonly routed: boolean;
}

/** The item's text with its icon, and the same in words for a screen reader. */
export function statusText(facts: StatusFacts): { text: string; label: string } {
  if (facts.state.kind === 'down') {
    return { text: '$(debug-disconnect) Nexus off', label: 'Claude Nexus is not running' };
  }
  if (facts.state.kind === 'starting') return { text: '$(pulse) Nexus', label: 'Claude Nexus is starting' };
  const sign = facts.status === null ? null : healthSign(facts.health, facts.status);
  const tokens = facts.window?.totalTokens ?? null;
  const figure = tokens === null ? 'Nexus' : `${formatCount(tokens)} tok`;
  const said =
    tokens === null
      ? 'Claude Nexus is recording'
      : `Claude Nexus: ${formatExact(tokens)} tokens in the last 5 hours`;
  const live = facts.status?.storage === 'live' ? '. Live only, nothing is kept' : '';
  if (sign === null) return { text: `$(pulse) ${figure}`, label: said + live };
  return { text: `${sign.icon} ${figure} · ${sign.text}`, label: `${said}${live}. ${sign.label}` };
}

/** The tooltip as Markdown. `escape` makes text of others harmless; links are commands this extension allows. */
export function statusTooltip(facts: StatusFacts, escape: (text: string) => string): string {
  const { state } = facts;
  if (state.kind === 'starting') return '**Claude Nexus** is starting…';
  if (state.kind === 'down') {
    const why = escape(oneLine(state.trouble.detail));
    return `**Claude Nexus is not running**\n\n${why}\n\n${links(['restartSidecar', 'showOutput'])}`;
  }
  const recording = facts.status?.storage === 'live' ? 'live only, nothing is kept' : 'recording';
  const parts = [`**Claude Nexus** · ${facts.routed ? recording : 'this workspace is not routed'}`];
  if (facts.window !== null && facts.today !== null) parts.push(table(facts.window, facts.today));
  if (facts.status !== null) {
    parts.push(...healthLines(facts.status, facts.asOf, (text) => escape(oneLine(text))));
  }
  if (facts.status !== null) parts.push(`Upstream: \`${codeText(facts.status.upstream)}\``);
  parts.push(`Base URL: \`${codeText(maskPathKey(state.ready.baseUrl))}\``);
  parts.push(
    links([
      'openConversations',
      'openStorage',
      'copyBaseUrl',
      facts.routed ? 'unroute' : 'route',
      'showOutput',
    ]),
  );
  return parts.join('\n\n');
}

/** The commands the tooltip may link to. */
export const TOOLTIP_COMMANDS = [
  'openConversations',
  'openStorage',
  'copyBaseUrl',
  'route',
  'unroute',
  'showOutput',
  'restartSidecar',
] as const;
type TooltipCommand = (typeof TOOLTIP_COMMANDS)[number];

const LINK_TEXT: Record<TooltipCommand, string> = {
  openConversations: 'Conversations',
  openStorage: 'Storage',
  copyBaseUrl: 'Copy base URL',
  route: 'Route this workspace',
  unroute: 'Stop routing here',
  showOutput: 'Show log',
  restartSidecar: 'Restart',
};

function links(commands: readonly TooltipCommand[]): string {
  return commands.map((name) => `[${LINK_TEXT[name]}](command:claudeNexus.${name})`).join(' · ');
}

/** Columns of a tooltip's table stand close; white space that is not a no-break one is dropped. */
const GAP = '&nbsp;&nbsp;';

function table(window: StatsRow, today: StatsRow): string {
  const row = (name: string, pick: (stats: StatsRow) => number): string =>
    `| ${name} | ${GAP}${formatExact(pick(window))} | ${GAP}${formatExact(pick(today))} |`;
  return [
    `| | ${GAP}Last 5 h | ${GAP}Today |`,
    '|:--|--:|--:|',
    row('Tokens', (stats) => stats.totalTokens),
    row('Read from cache', (stats) => stats.cacheReadInputTokens),
    row('Requests', (stats) => stats.requests),
    row('Conversations', (stats) => stats.conversations),
    row('Errors', (stats) => stats.errors),
  ].join('\n');
}

/** Text inside back-ticks: nothing is special there but the back-tick. */
function codeText(text: string): string {
  return oneLine(text).replaceAll('`', "'");
}
