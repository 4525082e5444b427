import type { PruneBody, PruneReport, StorageReport, VacuumReport } from '../../protocol/storage.ts';
import { formatBytes, formatExact, plural } from '../../wording/numbers.ts';

/** What takes room, in words; `why` is for the tooltip. */
const KINDS: Record<string, { name: string; why: string }> = {
  message: { name: 'Messages', why: 'What you and Claude said, and the results of tools: each piece once' },
  response: { name: 'Answers kept whole', why: 'Answers that are no messages of Claude, and old ones' },
  shape: { name: 'Form of answers', why: 'What the answers of a model have in common' },
  system: { name: 'System prompts', why: 'Each version once' },
  tools: { name: 'Tool definitions', why: 'Each version once' },
  template: { name: 'Request settings', why: 'The rest of each request: model, limits, metadata' },
  overlay: { name: 'Cache marks', why: 'Where requests asked for caching' },
  headers: { name: 'Headers', why: 'Of requests and answers, without secrets' },
  raw: { name: 'Other bodies', why: 'Kept whole, since they are no list of messages' },
  node: { name: 'Order of messages', why: 'Which piece follows which, with indexes' },
  exchange: {
    name: 'Requests',
    why: 'One row for each request: tokens, links, how its answer arrived; with indexes',
  },
  search: { name: 'Search index', why: 'Which turns have which words' },
};

export function kindName(kind: string): { name: string; why: string } {
  const name = kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll(/[-_]/g, ' ');
  return KINDS[kind] ?? { name, why: name };
}

/** The last `days` days to `today` (`2026-11-23`), also those on which nothing was stored. */
export function everyDay(growth: StorageReport['growthPerDay'], today: string, days: number): Day[] {
  const bytes = new Map(growth.map((day) => [day.date, day.bytes]));
  const end = Date.parse(`${today}T00:00:00Z`);
  return Array.from({ length: days }, (_, index) => {
    const date = new Date(end - (days - 1 - index) * 86_400_000).toISOString().slice(0, 10);
    return { date, bytes: bytes.get(date) ?? 0 };
  });
}
export interface Day {
  date: string;
  bytes: number;
}

/** What a form's fields ask for; null when it asks for nothing, or a field is no number. */
export function pruneOf(days: string, megabytes: string): Omit<PruneBody, 'dryRun'> | null {
  const [olderThanDays, size] = [numberOf(days), numberOf(megabytes)];
  if (Number.isNaN(olderThanDays) || Number.isNaN(size)) return null;
  if (olderThanDays === null && size === null) return null;
  // What is left out would be taken from the settings; here it means no limit.
  return { olderThanDays: olderThanDays ?? 0, maxBytes: size === null ? 0 : Math.round(size * 1e6) };
}

/** null: nothing given; NaN: nothing that could be meant. Zero would mean no limit, which is leaving it empty. */
function numberOf(text: string): number | null {
  const trimmed = text.trim();
  if (trimmed === '') return null;
  const value = Number(trimmed);
  return value > 0 && value <= 36_500_000 ? value : Number.NaN;
}

/** `12 conversations with 340 requests, about 45 MB`. */
export function removedText({ removed }: PruneReport): string {
  const { conversations, exchanges, bytes } = removed;
  const what =
    conversations === 0
      ? plural(exchanges, 'request')
      : `${formatExact(conversations)} ${conversations === 1 ? 'conversation' : 'conversations'} with ${plural(exchanges, 'request')}`;
  return `${what}, about ${formatBytes(bytes)}`;
}

export function prunedText(report: PruneReport): string {
  if (report.elsewhere) {
    return 'Nothing was deleted: another Claude Nexus on this database is deleting old conversations now.';
  }
  const rest = report.done ? '' : ' The rest goes on in the background.';
  return `Deleted ${removedText(report)}. The room is used again for what comes next.${rest}`;
}

export function vacuumedText({ done, tables }: VacuumReport): string {
  if (!done) return 'The vacuum goes on in the background.';
  const sum = (pick: (table: VacuumReport['tables'][number]) => number): number =>
    tables.reduce((total, table) => total + pick(table), 0);
  const freed = sum((table) => table.bytesBefore) - sum((table) => table.bytesAfter);
  return freed > 0
    ? `Vacuumed: ${formatBytes(freed)} given back to the disk.`
    : 'Vacuumed: what was deleted has become room for new requests; there was nothing to give back to the disk.';
}
