import type { ExportFormat } from '../../src/protocol/export.ts';
import type { ConversationDetail, RequestDetail } from '../../src/protocol/rows.ts';
import { outlineOf } from '../../src/sidecar/core/export/outline.ts';
import { readExportTurn } from '../../src/sidecar/core/export/turn.ts';
import { documentWriters } from '../../src/sidecar/core/export/writer.ts';

/** The document of a conversation that is all in memory, as the store writes it slice by slice. */
export function exportDocument(
  detail: ConversationDetail,
  requests: ReadonlyMap<string, RequestDetail>,
  format: Exclude<ExportFormat, 'json'>,
): string {
  const writer = documentWriters[format];
  const sections = outlineOf(detail);
  const info = {
    exportedAt: '2026-11-26T12:00:00.000Z',
    generator: 'claude-nexus 0.0.0',
    redact: 'own' as const,
  };
  const turns = sections.map((section) => [
    writer.section(section),
    ...section.turns.map((turn) => {
      const request = requests.get(turn.requestId)!;
      const content = readExportTurn({
        requestBody: turn.retry ? null : request.requestBody,
        responseBody: request.responseBody,
        known: turn.known,
        nextBody: turn.next === null ? null : requests.get(turn.next)?.requestBody,
      });
      return writer.turn(turn, request, content);
    }),
  ]);
  return [writer.head(detail, sections, info), ...turns.flat(), writer.tail()].join('');
}
