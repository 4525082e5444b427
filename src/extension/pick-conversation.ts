import * as vscode from 'vscode';
import type { ConversationRow } from '../protocol/rows.ts';
import { describe, titleOf } from './conversation-groups.ts';

/** Which of the conversations that the view has loaded; null: none. */
export async function pickConversation(rows: readonly ConversationRow[]): Promise<ConversationRow | null> {
  if (rows.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('There is no conversation yet.'));
    return null;
  }
  const now = new Date();
  const items = [...rows]
    .sort((a, b) => Date.parse(b.lastMessageTime) - Date.parse(a.lastMessageTime))
    .map((row) => ({ label: titleOf(row), description: describe(row, now), row }));
  const chosen = await vscode.window.showQuickPick(items, {
    placeHolder: vscode.l10n.t('Which conversation?'),
    matchOnDescription: true,
  });
  return chosen?.row ?? null;
}
