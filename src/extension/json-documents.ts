import * as vscode from 'vscode';
import type { JsonPart } from '../protocol/bridge.ts';
import type { ControlApi } from './control-api.ts';
import type { Events } from './events.ts';
import {
  DOCUMENT_FIELDS,
  DOCUMENT_SCHEME,
  documentPath,
  documentText,
  parseDocumentPath,
} from './json-uri.ts';

/** Opens a part of a request as a read-only JSON document. */
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
      const detail = await api.requestFields(document.requestId, DOCUMENT_FIELDS[document.part]);
      return documentText(document.part, detail);
    },
  };
  context.subscriptions.push(
    changed,
    vscode.workspace.registerTextDocumentContentProvider(DOCUMENT_SCHEME, provider),
    // A request that was opened while it ran is complete now.
    events.onEvent((event) => {
      if (event.name !== 'exchange.recorded') return;
      for (const { uri } of vscode.workspace.textDocuments) {
        const document = uri.scheme === DOCUMENT_SCHEME ? parseDocumentPath(uri.path) : null;
        if (document !== null && event.ids.includes(document.requestId)) changed.fire(uri);
      }
    }),
  );
  return async (requestId, part) => {
    const uri = vscode.Uri.from({ scheme: DOCUMENT_SCHEME, path: documentPath({ requestId, part }) });
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.languages.setTextDocumentLanguage(document, 'json');
    await vscode.window.showTextDocument(document, { preview: true });
  };
}
