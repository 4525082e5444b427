import { join } from 'node:path';
import * as vscode from 'vscode';
import type { CredentialsApi } from './credentials-api.ts';
import { NexusFailure } from './problems.ts';

/** Opens the domain's credential file in an editor, to be mended. */
export async function openCredentialsFile(api: CredentialsApi, domain: string): Promise<void> {
  const { dir, credentials } = await api.list();
  const file = credentials.find((row) => row.domain === domain)?.file ?? null;
  if (file === null) {
    throw new NexusFailure('not_found', vscode.l10n.t('There is no credential file for {0}.', domain));
  }
  await vscode.window.showTextDocument(vscode.Uri.file(join(dir, file)));
}

/** Shows the credentials directory in the system's file manager; where that is on another machine, in a window. */
export async function openCredentialsFolder(api: CredentialsApi): Promise<void> {
  const folder = vscode.Uri.file((await api.list()).dir);
  if (isElsewhere()) {
    await vscode.commands.executeCommand('vscode.openFolder', folder, { forceNewWindow: true });
  } else await vscode.commands.executeCommand('revealFileInOS', folder);
}

/** Whether the user sits at another machine than the one this runs on. */
export function isElsewhere(): boolean {
  return vscode.env.remoteName !== undefined || vscode.env.uiKind === vscode.UIKind.Web;
}
