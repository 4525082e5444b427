import * as vscode from 'vscode';
import type { JsonPart } from '../protocol/bridge.ts';
import type { DocumentPart } from '../protocol/compare.ts';
import type { ControlApi } from './control-api.ts';
import type { Events } from './events.ts';
import { DOCUMENT_SCHEME, documentPath, parseDocumentPath } from './json-uri.ts';

/** Opens a part of a request as a read-only document. */
export type OpenJson = (requestId: string, part: JsonPart) => Promise<void>;

/** Serves `claude-nexus:/requests/<id>/<part>.json` from the store; the text never goes through a webview. */
export function registerJsonDocuments(
  context: vscode.ExtensionContext,
  api: ControlApi,
  events: Events,
): OpenJson {
  const changed = new vscode.EventEmitter<vscode.Uri>();
  const provider: vscode.TextDocumentContentProvider = {
    onDidChange: changed.event,
    provideTextDocumentContent: async (uri) => {
      const document = parseDocumentPath(uri.path);
      if (document === null) throw new Error(vscode.l10n.t('There is no such document: {0}', uri.path));
      return await api.documentText(document.requestId, document.part);
    },
  };
  context.subscriptions.push(
    changed,
    vscode.workspace.registerTextDocumentContentProvider(DOCUMENT_SCHEME, provider),
    // A request that was opened while it ran is complete now.
    events.onEvent((event) => {
      if (event.name !== 'exchange.recorded' && event.name !== 'resync') return;
      for (const { uri } of vscode.workspace.textDocuments) {
        const document = uri.scheme === DOCUMENT_SCHEME ? parseDocumentPath(uri.path) : null;
        if (document === null) continue;
        if (event.name === 'resync' || event.ids.includes(document.requestId)) changed.fire(uri);
      }
    }),
  );
  return async (requestId, part) => {
    const uri = documentUri(requestId, part);
    const document = await vscode.workspace.openTextDocument(uri);
    // Folding, outline and find are the language's; a name that ends in .json has it already.
    if (part !== 'stream') await vscode.languages.setTextDocumentLanguage(document, 'json');
    await vscode.window.showTextDocument(document, { preview: true });
  };
}

export function documentUri(requestId: string, part: DocumentPart): vscode.Uri {
  return vscode.Uri.from({ scheme: DOCUMENT_SCHEME, path: documentPath({ requestId, part }) });
}
