import * as vscode from 'vscode';
import type { ConversationRow } from '../protocol/rows.ts';
import {
  announce,
  describe,
  facts,
  groupByDay,
  markOf,
  partsOf,
  titleOf,
  type Day,
  type Mark,
  type Part,
} from './conversation-groups.ts';

/** What stands in the tree. */
export type Node =
  | { readonly kind: 'day'; readonly day: Day }
  | { readonly kind: 'conversation'; readonly row: ConversationRow }
  | { readonly kind: 'part'; readonly row: ConversationRow; readonly part: Part }
  | { readonly kind: 'more' };

/** The children of a node; without a node the roots. */
export function childNodes(
  node: Node | undefined,
  rows: readonly ConversationRow[],
  hasMore: boolean,
  now: Date,
): Node[] {
  if (node === undefined) {
    const days: Node[] = groupByDay(rows, now, vscode.env.language).map((day) => ({ kind: 'day', day }));
    return hasMore ? [...days, { kind: 'more' }] : days;
  }
  if (node.kind === 'day') return node.day.conversations.map((row) => ({ kind: 'conversation', row }));
  if (node.kind === 'conversation') {
    return partsOf(node.row).map((part) => ({ kind: 'part', row: node.row, part }));
  }
  return [];
}

/** A node as VS Code draws it. Ids are stable, so selection and expansion outlive a refresh. */
export function treeItem(node: Node, now: Date): vscode.TreeItem {
  switch (node.kind) {
    case 'day':
      return dayItem(node.day);
    case 'conversation':
      return conversationItem(node.row, now);
    case 'part':
      return partItem(node.row, node.part);
    case 'more':
      return moreItem();
  }
}

function dayItem(day: Day): vscode.TreeItem {
  const item = new vscode.TreeItem(day.label, vscode.TreeItemCollapsibleState.Expanded);
  item.id = `day:${day.key}`;
  item.contextValue = 'day';
  item.description = String(day.conversations.length);
  return item;
}

function conversationItem(row: ConversationRow, now: Date): vscode.TreeItem {
  const parts = partsOf(row).length > 0;
  const state = parts ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None;
  const item = new vscode.TreeItem(titleOf(row), state);
  item.id = `conversation:${row.conversationId}`;
  item.contextValue = 'conversation';
  item.description = describe(row, now);
  item.iconPath = markIcon(markOf(row));
  item.tooltip = tooltip(row);
  item.accessibilityInformation = { label: announce(row, now) };
  item.command = openCommand(row);
  return item;
}

const PART_ICON: Record<Part['kind'], string> = {
  branches: 'git-branch',
  subtasks: 'type-hierarchy-sub',
  compactions: 'fold',
};

function partItem(row: ConversationRow, part: Part): vscode.TreeItem {
  const item = new vscode.TreeItem(part.label, vscode.TreeItemCollapsibleState.None);
  item.id = `part:${row.conversationId}:${part.kind}`;
  item.iconPath = new vscode.ThemeIcon(PART_ICON[part.kind]);
  item.command = openCommand(row);
  return item;
}

function moreItem(): vscode.TreeItem {
  const item = new vscode.TreeItem(vscode.l10n.t('Load more…'), vscode.TreeItemCollapsibleState.None);
  item.id = 'more';
  item.command = { command: 'claudeNexus.loadMore', title: vscode.l10n.t('Load more') };
  return item;
}

function markIcon(mark: Mark): vscode.ThemeIcon {
  switch (mark) {
    case 'running':
      return new vscode.ThemeIcon('circle-filled', new vscode.ThemeColor('charts.green'));
    case 'failed':
      return new vscode.ThemeIcon('warning', new vscode.ThemeColor('problemsWarningIcon.foreground'));
    case 'stopped':
      return new vscode.ThemeIcon('circle-slash');
    case 'done':
      return new vscode.ThemeIcon('circle-outline');
  }
}

function openCommand(row: ConversationRow): vscode.Command {
  return {
    command: 'claudeNexus.openConversation',
    title: vscode.l10n.t('Open conversation'),
    arguments: [{ conversationId: row.conversationId }],
  };
}

/** Titles and names are other people's text: appended as text, never as Markdown. */
function tooltip(row: ConversationRow): vscode.MarkdownString {
  const markdown = new vscode.MarkdownString();
  markdown.appendMarkdown('**').appendText(titleOf(row)).appendMarkdown('**\n\n|  |  |\n|:--|:--|\n');
  for (const [name, value] of facts(row, vscode.env.language)) {
    markdown.appendMarkdown(`| ${name} | `);
    markdown.appendText(value.replaceAll('|', '/')).appendMarkdown(' |\n');
  }
  return markdown;
}
