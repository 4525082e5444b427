import * as vscode from 'vscode';
import { z } from 'zod';
import { jsonPart, type PanelTarget } from '../protocol/bridge.ts';
import type { OpenPanel } from './conversations-panel.ts';
import type { ConversationsView } from './conversations-view.ts';
import type { OpenJson } from './json-documents.ts';
import { pickConversation } from './pick-conversation.ts';

/** A command's argument: an id, or a node of the tree. Commands can be called by anybody, so it is checked. */
const openArgument = z.union([
  z.object({ conversationId: z.uuid(), requestId: z.uuid().nullish() }),
  z.object({ row: z.looseObject({ conversationId: z.uuid() }) }).transform(({ row }) => ({
    conversationId: row.conversationId,
    requestId: undefined,
  })),
]);
const jsonArgument = z.union([
  z.object({ requestId: z.uuid(), part: jsonPart.default('request') }),
  z.object({ row: z.looseObject({ latestRequestId: z.uuid() }) }).transform(({ row }) => ({
    requestId: row.latestRequestId,
    part: 'request' as const,
  })),
]);

/** Commands that open something. From the command palette they ask which conversation. */
export function registerOpenCommands(
  context: vscode.ExtensionContext,
  parts: { openPanel: OpenPanel; openJson: OpenJson; view: ConversationsView },
): void {
  const { openPanel, openJson, view } = parts;
  const chosen = async (argument: unknown): Promise<PanelTarget | null> => {
    const parsed = openArgument.safeParse(argument);
    if (parsed.success) {
      return { conversationId: parsed.data.conversationId, requestId: parsed.data.requestId ?? null };
    }
    const row = await pickConversation(view.rows);
    return row === null ? null : { conversationId: row.conversationId, requestId: null };
  };
  context.subscriptions.push(
    vscode.commands.registerCommand('claudeNexus.openConversations', () => {
      openPanel({ conversationId: null, requestId: null });
    }),
    vscode.commands.registerCommand('claudeNexus.openConversation', async (argument: unknown) => {
      const target = await chosen(argument);
      if (target !== null) openPanel(target);
    }),
    vscode.commands.registerCommand('claudeNexus.openConversationApart', async (argument: unknown) => {
      const target = await chosen(argument);
      if (target !== null) openPanel(target, true);
    }),
    vscode.commands.registerCommand('claudeNexus.openRequestJson', async (argument: unknown) => {
      const parsed = jsonArgument.safeParse(argument);
      if (parsed.success) {
        await openJson(parsed.data.requestId, parsed.data.part);
        return;
      }
      const row = await pickConversation(view.rows);
      if (row !== null) await openJson(row.latestRequestId, 'request');
    }),
    vscode.window.registerUriHandler({
      handleUri: (uri) => {
        const target = linkTarget(uri.path, uri.query);
        if (target !== null) openPanel(target);
      },
    }),
  );
}

/** `vscode://…/conversation/<id>?turn=<request id>` → what it points at; null for anything else. */
function linkTarget(path: string, query: string): PanelTarget | null {
  const id = z.uuid().safeParse(/^\/conversation\/([^/]+)$/.exec(path)?.[1]);
  const turn = z.uuid().safeParse(new URLSearchParams(query).get('turn'));
  return id.success ? { conversationId: id.data, requestId: turn.data ?? null } : null;
}
