import * as vscode from 'vscode';
import { domainText } from '../protocol/credentials.ts';
import { domainLabel } from './account-items.ts';
import { describeAccount, THIS_MACHINE, type AccountDomain, type AccountNode } from './accounts.ts';
import type { AccountsView } from './accounts-view.ts';

/** Any domain: this machine's clients first, those that are known, or one that is typed. null: given up. */
export async function pickDomain(view: AccountsView, placeHolder: string): Promise<string | null> {
  const others = domainsOf(await view.nodes()).filter(({ domain }) => domain !== THIS_MACHINE);
  const chosen = await vscode.window.showQuickPick(
    [
      {
        label: domainLabel(THIS_MACHINE),
        description: THIS_MACHINE,
        detail: vscode.l10n.t('Claude Code and programs that use the base URL of Claude Nexus.'),
        domain: THIS_MACHINE,
      },
      ...others.map(({ domain }) => ({ label: domain, domain })),
      { label: '', kind: vscode.QuickPickItemKind.Separator, domain: null },
      {
        label: vscode.l10n.t('Another domain…'),
        detail: vscode.l10n.t('For clients that reach Claude Nexus under another host name.'),
        domain: null,
      },
    ],
    { placeHolder },
  );
  if (chosen === undefined) return null;
  return chosen.domain ?? (await typeDomain());
}

async function typeDomain(): Promise<string | null> {
  const typed = await vscode.window.showInputBox({
    title: vscode.l10n.t('Domain'),
    prompt: vscode.l10n.t('The host name that clients use, without port.'),
    placeHolder: 'team.example',
    ignoreFocusOut: true,
    validateInput: (text) =>
      text.trim() === '' || domainText.safeParse(text).success
        ? null
        : vscode.l10n.t('This is not a host name without port, as team.example.'),
  });
  const domain = domainText.safeParse(typed ?? '');
  return domain.success ? domain.data : null;
}

/** One of the domains in the view that fit. */
export async function pickKnownDomain(
  view: AccountsView,
  placeHolder: string,
  fits: (node: AccountDomain) => boolean,
): Promise<string | null> {
  const now = new Date();
  const items = domainsOf(await view.nodes())
    .filter(fits)
    .map((node) => ({
      label: domainLabel(node.domain),
      description: describeAccount(node, now, vscode.l10n.t),
      domain: node.domain,
    }));
  if (items.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('There is none yet.'));
    return null;
  }
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.domain ?? null;
}

/** A client key that can be revoked. */
export async function pickKey(
  view: AccountsView,
): Promise<{ id: string; name: string; domain: string } | null> {
  const items = domainsOf(await view.nodes()).flatMap(({ domain, keys }) =>
    keys.flatMap(({ id, name }) =>
      id === null ? [] : [{ label: name, description: domainLabel(domain), id, name, domain }],
    ),
  );
  if (items.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('There are no client keys that can be revoked.'));
    return null;
  }
  const placeHolder = vscode.l10n.t('Which client key?');
  return (await vscode.window.showQuickPick(items, { placeHolder })) ?? null;
}

function domainsOf(nodes: readonly AccountNode[]): AccountDomain[] {
  return nodes.flatMap((node) => (node.kind === 'domain' ? [node] : []));
}
