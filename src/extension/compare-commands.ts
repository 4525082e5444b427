import * as vscode from 'vscode';
import { z } from 'zod';
import type { RequestRow } from '../protocol/rows.ts';
import { shortModel } from '../wording/models.ts';
import { formatAbsolute, formatClock } from '../wording/times.ts';
import type { ControlApi } from './control-api.ts';
import type { ConversationsView } from './conversations-view.ts';
import { documentUri } from './json-documents.ts';
import { sentence } from './notices.ts';
import { oneLine } from './one-line.ts';
import { pickConversation } from './pick-conversation.ts';
import { advise, troubleOf } from './problems.ts';

/** A command's argument: what a panel sends, a node of the tree (its newest request), or nothing. */
const oneArgument = z.union([
  z.object({ requestId: z.uuid() }),
  z
    .object({ row: z.looseObject({ latestRequestId: z.uuid() }) })
    .transform(({ row }) => ({ requestId: row.latestRequestId })),
]);
const twoArgument = z.object({ requestId: z.uuid(), withId: z.uuid() });

/** As many as fit in a list that somebody reads. */
const OFFERED = 100;

/** Commands that show in VS Code's diff editor what one request has and another has not. */
export function registerCompareCommands(
  context: vscode.ExtensionContext,
  { api, view }: { api: ControlApi; view: ConversationsView },
): void {
  context.subscriptions.push(
    vscode.commands.registerCommand('claudeNexus.compareWithPrevious', (argument: unknown) =>
      told(async () => {
        const given = oneArgument.safeParse(argument).data?.requestId;
        const requestId = given ?? (await pickConversation(view.rows))?.latestRequestId;
        if (requestId === undefined) return;
        const row = await api.requestFields(requestId, ['parentRequestId', 'timestamp']);
        if (typeof row.parentRequestId === 'string') await compare(api, row.parentRequestId, requestId);
        else await tellFirst(requestId);
      }),
    ),
    vscode.commands.registerCommand('claudeNexus.compareRequests', (argument: unknown) =>
      told(async () => {
        const given = twoArgument.safeParse(argument).data;
        const one = oneArgument.safeParse(argument).data?.requestId;
        const requestId =
          given?.requestId ?? one ?? (await pickRequest(api, null, vscode.l10n.t('Compare which request?')));
        if (requestId === undefined) return;
        const withId =
          given?.withId ?? (await pickRequest(api, requestId, vscode.l10n.t('Compare it with which one?')));
        if (withId !== undefined) await compare(api, withId, requestId);
      }),
    ),
  );
}

/** The one that was sent first is on the left. */
async function compare(api: ControlApi, firstId: string, secondId: string): Promise<void> {
  const rows = await Promise.all(
    [firstId, secondId].map(async (id) => ({ id, ...(await api.requestFields(id, ['timestamp'])) })),
  );
  const [left, right] = rows.sort((a, b) => String(a.timestamp).localeCompare(String(b.timestamp)));
  if (left === undefined || right === undefined) return;
  const clock = (row: { timestamp?: string }): string => formatClock(Date.parse(row.timestamp ?? ''));
  await vscode.commands.executeCommand(
    'vscode.diff',
    documentUri(left.id, 'comparable'),
    documentUri(right.id, 'comparable'),
    vscode.l10n.t('Request of {0} ↔ {1}', clock(left), clock(right)),
    { preview: true } satisfies vscode.TextDocumentShowOptions,
  );
}

async function pickRequest(
  api: ControlApi,
  without: string | null,
  title: string,
): Promise<string | undefined> {
  const rows = (await api.requests(null, OFFERED)).filter(({ requestId }) => requestId !== without);
  if (rows.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('There is no request to compare with yet.'));
    return undefined;
  }
  const items = rows.map((row) => ({ ...itemOf(row), requestId: row.requestId }));
  const chosen = await vscode.window.showQuickPick(items, {
    title,
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return chosen?.requestId;
}

function itemOf(row: RequestRow): vscode.QuickPickItem {
  const model = row.model === null ? [] : [shortModel(row.model)];
  return {
    label: oneLine(row.preview) || row.path,
    description: [formatAbsolute(Date.parse(row.timestamp)), ...model].join(' · '),
  };
}

async function tellFirst(requestId: string): Promise<void> {
  const other = vscode.l10n.t('Compare with another');
  const said = vscode.l10n.t('This is the first request of its conversation: there is no turn before it.');
  const button = await vscode.window.showInformationMessage(said, other);
  if (button === other) await vscode.commands.executeCommand('claudeNexus.compareRequests', { requestId });
}

/** What goes wrong on the way, in a sentence. */
async function told(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const advice = advise(troubleOf(error, 'internal'));
    const button = vscode.l10n.t(advice.button);
    const chosen = await vscode.window.showErrorMessage(sentence(advice), button);
    if (chosen === button) await vscode.commands.executeCommand(advice.command, ...advice.args);
  }
}
