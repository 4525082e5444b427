import type { ExportFormat, RedactMode } from '../../../protocol/export.ts';
import type { ConversationDetail, RequestRow } from '../../../protocol/rows.ts';
import { htmlWriter } from './html.ts';
import { markdownWriter } from './markdown.ts';
import type { OutlineSection, OutlineTurn } from './outline.ts';
import type { ExportTurn } from './turn.ts';

/** What stands in every export beside the conversation. */
export interface ExportInfo {
  exportedAt: string;
  generator: string;
  redact: RedactMode;
}

/** Writes a document for people, piece by piece: head, then each section with its turns, then the tail. */
export interface DocumentWriter {
  head(detail: ConversationDetail, sections: readonly OutlineSection[], info: ExportInfo): string;
  section(section: OutlineSection): string;
  turn(turn: OutlineTurn, row: RequestRow, content: ExportTurn): string;
  tail(): string;
}

export const documentWriters: Record<Exclude<ExportFormat, 'json'>, DocumentWriter> = {
  md: markdownWriter,
  html: htmlWriter,
};
