import * as vscode from 'vscode';
import type { z } from 'zod';
import { apiKeyText, clientKeyName } from '../protocol/credentials.ts';
import { formatHour } from '../wording/times.ts';
import { domainLabel } from './account-items.ts';
import { THIS_MACHINE } from './accounts.ts';
import type { ApiKeys } from './api-keys.ts';
import type { CredentialsApi } from './credentials-api.ts';
import { troubleOf } from './problems.ts';

/** What the actions have in their hands. */
interface Hands {
  readonly api: CredentialsApi;
  readonly keys: ApiKeys;
}

/** It is kept in VS Code's SecretStorage; the sidecar has it in memory. */
export async function addApiKey({ api, keys }: Hands, domain: string): Promise<void> {
  const { upstream, credentials } = await api.list();
  const typed = await vscode.window.showInputBox({
    title: vscode.l10n.t('API key for {0}', domainLabel(domain)),
    prompt:
      domain === THIS_MACHINE
        ? vscode.l10n.t('Used for Claude in terminals from the next request on, instead of its own log-in.')
        : vscode.l10n.t('Used for clients that show a client key of this domain.'),
    placeHolder: 'sk-ant-api03-…',
    password: true,
    ignoreFocusOut: true,
    validateInput: (text) => why(apiKeyText, text.trim()),
  });
  const apiKey = typed?.trim() ?? '';
  if (apiKey === '') return;
  await api.hold(domain, { type: 'api_key', apiKey, upstream });
  await keys.keep(domain, { apiKey, upstream });
  const file = credentials.find((row) => row.domain === domain && row.source === 'file')?.file ?? null;
  if (file === null) said(vscode.l10n.t('API key kept for {0}.', domainLabel(domain)));
  else {
    void vscode.window.showInformationMessage(
      vscode.l10n.t('The API key is kept, but {0} comes first. Delete that file to use the key.', file),
    );
  }
}

/** Why a text does not fit; null while there is none, so that an empty box shows no error. */
function why(schema: z.ZodType, text: string): string | null {
  const parsed = text === '' ? null : schema.safeParse(text);
  if (parsed === null || parsed.success) return null;
  return vscode.l10n.t('This cannot be used: {0}.', parsed.error.issues[0]?.message ?? '');
}

export async function refreshLogIn({ api }: Hands, domain: string): Promise<void> {
  const { until } = await vscode.window.withProgress(
    { location: { viewId: 'claudeNexus.accounts' } },
    async () => await api.refresh(domain),
  );
  said(vscode.l10n.t('Log-in renewed until {0}.', formatHour(Date.parse(until))));
}

/** The key goes to the clipboard when the user says so, and nowhere else; one that nobody took is revoked again. */
export async function newClientKey({ api }: Hands, domain: string): Promise<void> {
  const name = await vscode.window.showInputBox({
    title: vscode.l10n.t('New client key for {0}', domainLabel(domain)),
    prompt: vscode.l10n.t('What the list calls it, for example the program or machine that gets it.'),
    ignoreFocusOut: true,
    validateInput: (text) => why(clientKeyName, text.trim()),
  });
  if (name === undefined) return;
  const made = await api.makeKey(domain, name.trim() === '' ? null : name.trim());
  const copy = vscode.l10n.t('Copy key');
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t('The client key “{0}” is ready.', made.name),
    {
      modal: true,
      detail: vscode.l10n.t(
        'It can be copied now and is never shown again. A client that sends it may use what is stored for {0}.',
        domainLabel(domain),
      ),
    },
    copy,
  );
  if (chosen === copy) {
    await vscode.env.clipboard.writeText(made.key);
    said(vscode.l10n.t('Client key copied.'));
  } else {
    await api.revokeKey(made.id);
    said(vscode.l10n.t('The client key was not copied, so it was revoked.'));
  }
}

export async function revokeKey({ api }: Hands, key: { id: string; name: string }): Promise<void> {
  const revoke = vscode.l10n.t('Revoke');
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t('Revoke the client key “{0}”?', key.name),
    { modal: true, detail: vscode.l10n.t('Clients that use it are refused from the next request on.') },
    revoke,
  );
  if (chosen !== revoke) return;
  await api.revokeKey(key.id);
  said(vscode.l10n.t('Client key “{0}” revoked.', key.name));
}

/** The key that VS Code keeps, or the domain's file; where there are both it is asked which one. */
export async function removeCredential({ api, keys }: Hands, domain: string): Promise<void> {
  const row = (await api.list()).credentials.find((each) => each.domain === domain);
  const file = row?.source === 'file' ? row.file : null;
  const isKept = (await keys.all()).has(domain);
  const removeKey = vscode.l10n.t('Remove API key');
  const deleteFile = vscode.l10n.t('Delete file');
  const detail =
    domain === THIS_MACHINE
      ? vscode.l10n.t('Claude on this machine uses its own log-in again.')
      : vscode.l10n.t('Clients of this domain are not served any more.');
  const chosen = await vscode.window.showWarningMessage(
    isKept || file === null
      ? vscode.l10n.t('Remove the API key for {0}?', domainLabel(domain))
      : vscode.l10n.t('Delete {0} and the credential in it?', file),
    { modal: true, detail: isKept && file !== null ? vscode.l10n.t('There is {0}, too.', file) : detail },
    ...(isKept || row?.source === 'vscode' ? [removeKey] : []),
    ...(file === null ? [] : [deleteFile]),
  );
  if (chosen === removeKey) {
    await keys.forget(domain);
    // Held also below a file; another window may have taken it away already.
    await api.letGo(domain).catch((error: unknown) => {
      if (troubleOf(error).code !== 'not_found') throw error;
    });
    said(vscode.l10n.t('API key for {0} removed.', domainLabel(domain)));
  } else if (chosen === deleteFile) {
    await api.removeFile(domain);
    said(vscode.l10n.t('{0} deleted.', file ?? ''));
  }
}

function said(text: string): void {
  vscode.window.setStatusBarMessage(text, 6000);
}
