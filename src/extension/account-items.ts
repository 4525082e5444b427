import * as vscode from 'vscode';
import { formatAbsolute } from '../wording/times.ts';
import {
  accountState,
  contextOf,
  describeAccount,
  describeKey,
  explainAccount,
  THIS_MACHINE,
  type AccountDomain,
  type AccountNode,
  type AccountState,
} from './accounts.ts';

/** The client keys of a domain; other nodes have no children. */
export function accountChildren(node: AccountNode): AccountNode[] {
  if (node.kind !== 'domain') return [];
  return node.keys.map((key) => ({ kind: 'clientKey', key }));
}

/** A node as VS Code draws it. Ids are stable, so selection and expansion outlive a refresh. */
export function accountItem(node: AccountNode, now: Date): vscode.TreeItem {
  const item = plainItem(node, now);
  item.contextValue = contextOf(node);
  return item;
}

function plainItem(node: AccountNode, now: Date): vscode.TreeItem {
  switch (node.kind) {
    case 'passthrough':
      return passthroughItem();
    case 'domain':
      return domainItem(node, now);
    case 'clientKey':
      return keyItem(node, now);
    case 'problem':
      return problemItem(node.text);
  }
}

function passthroughItem(): vscode.TreeItem {
  const item = new vscode.TreeItem(thisMachine());
  item.id = 'passthrough';
  item.description = vscode.l10n.t('Its own log-in');
  item.iconPath = new vscode.ThemeIcon('arrow-swap');
  item.tooltip = vscode.l10n.t(
    'Claude’s own log-in is passed through; nothing is stored for Claude on this machine.',
  );
  return item;
}

function domainItem(node: AccountDomain, now: Date): vscode.TreeItem {
  const { domain, credential, keys } = node;
  const state = accountState(node, now);
  const open =
    keys.length > 0 ? vscode.TreeItemCollapsibleState.Expanded : vscode.TreeItemCollapsibleState.None;
  const item = new vscode.TreeItem(domainLabel(domain), open);
  // VS Code remembers how an item was folded: one that gets its first client key is a new one, and open.
  item.id = `domain:${domain}${keys.length > 0 ? ':keys' : ''}`;
  item.description = describeAccount(node, now, vscode.l10n.t);
  item.iconPath = icon(state);
  item.tooltip = tooltip(node, now);
  item.accessibilityInformation = { label: `${domainLabel(domain)}, ${item.description}` };
  if (state === 'invalid' && credential !== null) {
    item.command = {
      command: 'claudeNexus.openCredentialsFile',
      title: vscode.l10n.t('Open file'),
      arguments: [node],
    };
  }
  return item;
}

function keyItem({ key }: Extract<AccountNode, { kind: 'clientKey' }>, now: Date): vscode.TreeItem {
  const item = new vscode.TreeItem(key.name);
  item.id = `key:${key.domain}:${key.id ?? ''}`;
  item.description = describeKey(key, now, vscode.l10n.t);
  item.iconPath = new vscode.ThemeIcon('plug');
  const opens = vscode.l10n.t('A client that shows this key may use what is stored for {0}.', key.domain);
  const made =
    key.createdAt === null
      ? ''
      : `\n${vscode.l10n.t('Made on {0}.', formatAbsolute(Date.parse(key.createdAt)))}`;
  item.tooltip = opens + made;
  return item;
}

function problemItem(text: string): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t('Something cannot be used'));
  item.id = `problem:${text}`;
  item.description = text;
  item.iconPath = warning();
  item.tooltip = text;
  return item;
}

const ICON: Readonly<Record<Exclude<AccountState, 'refused' | 'invalid' | 'elsewhere'>, string>> = {
  apiKey: 'key',
  waiting: 'key',
  login: 'account',
  due: 'account',
  nothing: 'circle-slash',
};

function icon(state: AccountState): vscode.ThemeIcon {
  const needsUser = state === 'refused' || state === 'invalid' || state === 'elsewhere';
  return needsUser ? warning() : new vscode.ThemeIcon(ICON[state]);
}

function warning(): vscode.ThemeIcon {
  return new vscode.ThemeIcon('warning', new vscode.ThemeColor('problemsWarningIcon.foreground'));
}

/** How a domain is called: that of this machine's clients has an address nobody thinks of. */
export function domainLabel(domain: string): string {
  return domain === THIS_MACHINE ? thisMachine() : domain;
}

function thisMachine(): string {
  return vscode.l10n.t('Claude on this machine');
}

/** What a credential is for, then what is known of it. */
function tooltip(node: AccountDomain, now: Date): vscode.MarkdownString {
  const { domain, credential, kept } = node;
  const also =
    kept === 'unused'
      ? [vscode.l10n.t('VS Code has an API key, too, which is not used: the file comes first.')]
      : [];
  const facts = [
    [vscode.l10n.t('Domain'), domain],
    [vscode.l10n.t('Account'), credential?.accountId],
    [vscode.l10n.t('File'), credential?.file],
  ].flatMap(([name, value]) => (typeof value === 'string' ? [`| ${name ?? ''} | ${escaped(value)} |`] : []));
  return new vscode.MarkdownString(
    [
      `**${escaped(domainLabel(domain))}**`,
      escaped(explainAccount(node, now, vscode.l10n.t)),
      ...also.map(escaped),
      ['|  |  |', '|:--|:--|', ...facts].join('\n'),
    ].join('\n\n'),
  );
}

/** Other people's text as text, never as Markdown. (`appendText` glues its words together: no line could be broken.) */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()#+\-.!~<>|&]/g, String.raw`\$&`).replaceAll(/\s+/g, ' ');
}
