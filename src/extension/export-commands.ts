import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as vscode from 'vscode';
import { z } from 'zod';
import type { ExportTarget } from '../protocol/bridge.ts';
import type { ExportFormat, RedactMode } from '../protocol/export.ts';
import { formatBytes } from '../wording/numbers.ts';
import { conversationFile } from '../wording/file-names.ts';
import type { ConversationsView } from './conversations-view.ts';
import { download } from './download.ts';
import { sentence } from './notices.ts';
import { pickConversation } from './pick-conversation.ts';
import { advise, NexusFailure, troubleOf } from './problems.ts';
import type { Sidecar } from './sidecar-process.ts';

/** A command's argument: what a panel sends, a node of the tree, or nothing. */
const conversationArgument = z.union([
  z.object({ conversationId: z.uuid(), title: z.string().default('') }),
  z
    .object({ row: z.looseObject({ conversationId: z.uuid(), title: z.string() }) })
    .transform(({ row }) => ({ conversationId: row.conversationId, title: row.title })),
]);
const requestArgument = z.union([
  z.object({ requestId: z.uuid() }),
  z
    .object({ row: z.looseObject({ latestRequestId: z.uuid() }) })
    .transform(({ row }) => ({ requestId: row.latestRequestId })),
]);

/** Commands that write what is in the store to files. From the command palette they ask which conversation. */
export function registerExportCommands(
  context: vscode.ExtensionContext,
  parts: { sidecar: Sidecar; view: ConversationsView },
): void {
  context.subscriptions.push(
    vscode.commands.registerCommand(
      'claudeNexus.exportConversation',
      async (argument: unknown, selected: unknown) => {
        const targets = await chosen(argument, selected, parts.view);
        const format = targets.length === 0 ? undefined : await askFormat();
        if (format !== undefined) await exportFiles(targets, format, parts.sidecar);
      },
    ),
    vscode.commands.registerCommand('claudeNexus.exportRequest', async (argument: unknown) => {
      const parsed = requestArgument.safeParse(argument).data;
      const row = parsed === undefined ? await pickConversation(parts.view.rows) : null;
      const requestId = parsed?.requestId ?? row?.latestRequestId;
      if (requestId !== undefined) await exportFiles([{ requestId }], 'json', parts.sidecar);
    }),
  );
}

/** All selected conversations if the one that was clicked is among them, as VS Code's own lists do it. */
async function chosen(
  argument: unknown,
  selected: unknown,
  view: ConversationsView,
): Promise<ExportTarget[]> {
  const nodes = Array.isArray(selected) && selected.length > 0 ? (selected as unknown[]) : [argument];
  const targets = nodes.flatMap((node) => conversationArgument.safeParse(node).data ?? []);
  if (targets.length > 0) {
    return [...new Map(targets.map((target) => [target.conversationId, target])).values()];
  }
  const row = await pickConversation(view.rows);
  return row === null ? [] : [row];
}

async function askFormat(): Promise<ExportFormat | undefined> {
  const items: (vscode.QuickPickItem & { format: ExportFormat })[] = [
    {
      format: 'md',
      label: 'Markdown',
      detail: vscode.l10n.t('To read and to paste: turns by branch, tools folded.'),
    },
    {
      format: 'html',
      label: 'HTML',
      detail: vscode.l10n.t('To read in a browser and to print. One file, loads nothing.'),
    },
    {
      format: 'json',
      label: 'JSON',
      detail: vscode.l10n.t('Everything that is stored, bodies and chunks included.'),
    },
  ];
  const title = vscode.l10n.t('Export: which format?');
  return (await vscode.window.showQuickPick(items, { title, matchOnDetail: true }))?.format;
}

async function askRedaction(): Promise<RedactMode | undefined> {
  const items: (vscode.QuickPickItem & { redact: RedactMode })[] = [
    {
      redact: 'own',
      label: vscode.l10n.t('Keys of Claude Nexus'),
      description: vscode.l10n.t('default'),
      detail: vscode.l10n.t('Only our own keys. Other secrets in prompts, files and output stay in it.'),
    },
    {
      redact: 'all',
      label: vscode.l10n.t('Every secret that is recognised'),
      detail: vscode.l10n.t(
        'For a file that others will see: what looks like a key, token or password becomes ****.',
      ),
    },
    {
      redact: 'none',
      label: vscode.l10n.t('Nothing'),
      detail: vscode.l10n.t('Exactly what is stored.'),
    },
  ];
  const title = vscode.l10n.t('Export: what should be masked?');
  return (await vscode.window.showQuickPick(items, { title, matchOnDetail: true }))?.redact;
}

async function exportFiles(
  targets: readonly ExportTarget[],
  format: ExportFormat,
  sidecar: Sidecar,
): Promise<void> {
  const redact = await askRedaction();
  if (redact === undefined) return;
  const places = await askPlaces(
    targets.map((target) => `${nameOf(target)}.${format}`),
    format,
  );
  if (places === undefined) return;
  const title = vscode.l10n.t('Exporting');
  try {
    const size = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Notification, title, cancellable: true },
      async (progress, cancelled) => {
        const stop = new AbortController();
        cancelled.onCancellationRequested(() => {
          stop.abort();
        });
        let done = 0;
        for (const [index, target] of targets.entries()) {
          const of = targets.length === 1 ? '' : `${index + 1}/${targets.length}, `;
          done += await exportOne(
            pathOf(target, format, redact),
            places[index]!,
            sidecar,
            stop.signal,
            (bytes) => {
              progress.report({ message: of + formatBytes(done + bytes) });
            },
          );
        }
        return done;
      },
    );
    await tellDone(places, size);
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) {
      await tellFailed(error, targets, format, sidecar);
    }
  }
}

/** Where VS Code's file systems are not this machine's (a web editor), the file is made here first. */
async function exportOne(
  path: string,
  place: vscode.Uri,
  sidecar: Sidecar,
  signal: AbortSignal,
  onProgress: (bytes: number) => void,
): Promise<number> {
  const endpoint = sidecar.ready;
  if (endpoint === null) throw new NexusFailure('not_answering', 'Claude Nexus is not running.');
  const local =
    place.scheme === 'file' ? place : vscode.Uri.file(join(tmpdir(), `claude-nexus-${Date.now()}`));
  const size = await download({ endpoint, path, file: local.fsPath, fetch, signal, onProgress });
  if (local !== place) {
    await vscode.workspace.fs.copy(local, place, { overwrite: true });
    await vscode.workspace.fs.delete(local);
  }
  return size;
}

/** One file is asked for by name, several by their folder. */
async function askPlaces(names: readonly string[], format: ExportFormat): Promise<vscode.Uri[] | undefined> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri ?? vscode.Uri.file(homedir());
  const [only] = names;
  if (only !== undefined && names.length === 1) {
    const place = await vscode.window.showSaveDialog({
      title: vscode.l10n.t('Export'),
      defaultUri: vscode.Uri.joinPath(folder, only),
      filters: { [FORMAT_NAMES[format]]: [format] },
    });
    return place === undefined ? undefined : [place];
  }
  const folders = await vscode.window.showOpenDialog({
    title: vscode.l10n.t('Export {0} conversations into a folder', names.length),
    openLabel: vscode.l10n.t('Export here'),
    defaultUri: folder,
    canSelectFiles: false,
    canSelectFolders: true,
  });
  const into = folders?.[0];
  return into === undefined ? undefined : names.map((name) => vscode.Uri.joinPath(into, name));
}

const FORMAT_NAMES: Record<ExportFormat, string> = { json: 'JSON', md: 'Markdown', html: 'HTML' };

async function tellDone(places: readonly vscode.Uri[], size: number): Promise<void> {
  const [first] = places;
  if (first === undefined) return;
  const [open, reveal] = [vscode.l10n.t('Open'), vscode.l10n.t('Reveal')];
  const said =
    places.length === 1
      ? vscode.l10n.t('Exported {0} ({1}).', vscode.workspace.asRelativePath(first), formatBytes(size))
      : vscode.l10n.t('Exported {0} conversations ({1}).', places.length, formatBytes(size));
  const inWorkspace = vscode.workspace.getWorkspaceFolder(first) !== undefined;
  const canReveal = isLocal() || inWorkspace;
  const buttons = [...(places.length === 1 ? [open] : []), ...(canReveal ? [reveal] : [])];
  const button = await vscode.window.showInformationMessage(said, ...buttons);
  // A page is for a browser, where there is one that sees this machine's files.
  if (button === open && first.path.endsWith('.html') && isLocal()) await vscode.env.openExternal(first);
  else if (button === open) await vscode.commands.executeCommand('vscode.open', first);
  else if (button === reveal) {
    await vscode.commands.executeCommand(isLocal() ? 'revealFileInOS' : 'revealInExplorer', first);
  }
}

/** The files are on the machine in front of the user. */
function isLocal(): boolean {
  return vscode.env.uiKind === vscode.UIKind.Desktop && vscode.env.remoteName === undefined;
}

async function tellFailed(
  error: unknown,
  targets: readonly ExportTarget[],
  format: ExportFormat,
  sidecar: Sidecar,
): Promise<void> {
  const trouble = troubleOf(error, 'internal');
  const known = trouble.code === 'not_answering' || trouble.code === 'database_unavailable';
  const said = known
    ? sentence(advise(trouble))
    : vscode.l10n.t('The export did not work, and no file was written: {0}', trouble.detail);
  const again = vscode.l10n.t('Try again');
  const button = await vscode.window.showErrorMessage(said, again);
  if (button === again) await exportFiles(targets, format, sidecar);
}

function nameOf(target: ExportTarget): string {
  return 'requestId' in target
    ? `request-${target.requestId}`
    : conversationFile(target.title, target.conversationId);
}

function pathOf(target: ExportTarget, format: ExportFormat, redact: RedactMode): string {
  return 'requestId' in target
    ? `/api/requests/${target.requestId}/export?redact=${redact}`
    : `/api/conversations/${target.conversationId}/export?format=${format}&redact=${redact}`;
}
