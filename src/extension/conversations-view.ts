import * as vscode from 'vscode';
import type { ConversationRow } from '../protocol/rows.ts';
import type { ControlApi } from './control-api.ts';
import { ConversationFeed } from './conversation-feed.ts';
import { childNodes, treeItem, type Node } from './conversation-items.ts';
import type { Events } from './events.ts';
import { sentence, type Notices } from './notices.ts';
import type { Output } from './output.ts';
import { advise, troubleOf } from './problems.ts';
import type { Sidecar } from './sidecar-process.ts';
import type { Routing } from './terminals.ts';
import { Throttle } from './throttle.ts';

const VIEW = 'claudeNexus.conversations';
const ALL_PROJECTS_KEY = 'claudeNexus.allProjects';
/** Ages are words (`4 min`): they are drawn anew while somebody looks. */
const AGES_MS = 60_000;
/** Soon enough to feel live, late enough to take the events of one exchange together. */
const REFRESH_MS = 150;
/** A database that is away is asked again: its return is no event of ours. */
const RETRY_MS = 5000;

interface ViewParts {
  readonly sidecar: Sidecar;
  readonly routing: Routing;
  readonly events: Events;
  readonly api: ControlApi;
  readonly output: Output;
  readonly notices: Notices;
}

/** Access to what the view has loaded, for pickers. */
export interface ConversationsView {
  readonly rows: readonly ConversationRow[];
}

/** The tree of conversations in the side bar: by day, live, of this workspace or of all projects, page by page. */
export function registerConversationsView(
  context: vscode.ExtensionContext,
  parts: ViewParts,
): ConversationsView {
  const { sidecar, routing, events, api } = parts;
  const feed = new ConversationFeed((query) => api.conversations(query));
  const changed = new vscode.EventEmitter<undefined>();
  const view = vscode.window.createTreeView<Node>(VIEW, {
    canSelectMany: true,
    treeDataProvider: {
      onDidChangeTreeData: changed.event,
      getChildren: (node) => childNodes(node, feed.rows, feed.hasMore, new Date()),
      getTreeItem: (node) => treeItem(node, new Date()),
    },
  });
  const redraw = (): void => {
    changed.fire(undefined);
  };
  const load = async (how: () => Promise<boolean>): Promise<void> => {
    if (sidecar.ready === null) return;
    try {
      if (!(await how())) return;
      view.message = '';
      parts.notices.over('database_unavailable');
    } catch (error) {
      // The sidecar's own end is told elsewhere.
      if (sidecar.state.kind === 'connected') {
        await showFailure(error, view, parts);
        retry.request();
      }
    }
    void setContext('claudeNexus.loaded', true);
    redraw();
  };
  const retry = new Throttle(() => load(() => feed.reload()), RETRY_MS);
  const refresh = new Throttle(() => load(() => feed.reload()), REFRESH_MS);

  const allProjects = (): boolean => context.workspaceState.get(ALL_PROJECTS_KEY, false);
  const applyFilter = (): void => {
    const projects = routing.projects();
    const filtered = !allProjects() && projects.length > 0;
    feed.show(filtered ? projects : null);
    void setContext('claudeNexus.filtered', filtered);
    view.description = filtered ? vscode.l10n.t('this workspace') : '';
    redraw();
    refresh.request();
  };
  const setFilter = async (all: boolean): Promise<void> => {
    await context.workspaceState.update(ALL_PROJECTS_KEY, all);
    applyFilter();
  };
  const timer = setInterval(() => {
    if (view.visible && feed.rows.length > 0) redraw();
  }, AGES_MS);

  context.subscriptions.push(
    view,
    changed,
    refresh,
    retry,
    {
      dispose: () => {
        clearInterval(timer);
      },
    },
    sidecar.onDidChangeState((state) => {
      void setContext('claudeNexus.state', state.kind);
      // A list of a sidecar that is away would be dead, and the welcome text tells what to do. Over a quick restart
      // the list stays, so that nothing flickers.
      if (state.kind === 'starting' || (state.kind === 'down' && state.retryInMs !== 0)) feed.clear();
      view.message = '';
      if (state.kind !== 'connected') void setContext('claudeNexus.loaded', false);
      redraw();
      if (state.kind === 'connected') refresh.request();
    }),
    vscode.workspace.onDidChangeWorkspaceFolders(applyFilter),
    events.onEvent(({ name }) => {
      if (/^(conversation|exchange)\.|^(resync|status)$/.test(name)) refresh.request();
    }),
    vscode.commands.registerCommand('claudeNexus.refresh', () => {
      refresh.request();
    }),
    vscode.commands.registerCommand('claudeNexus.loadMore', () => load(() => feed.more())),
    vscode.commands.registerCommand('claudeNexus.filterWorkspace', () => setFilter(false)),
    vscode.commands.registerCommand('claudeNexus.showAllProjects', () => setFilter(true)),
    vscode.commands.registerCommand('claudeNexus.findConversation', async () => {
      await vscode.commands.executeCommand(`${VIEW}.focus`);
      await vscode.commands.executeCommand('list.find');
    }),
  );
  void setContext('claudeNexus.state', sidecar.state.kind);
  applyFilter();
  return {
    get rows() {
      return feed.rows;
    },
  };
}

/** Why there is no list, in the view; a database that is really away is a notice, one being opened is not. */
async function showFailure(error: unknown, view: vscode.TreeView<Node>, parts: ViewParts): Promise<void> {
  const trouble = troubleOf(error, 'internal');
  parts.output.log.warn(`The conversations did not come (${trouble.code}): ${trouble.detail}`);
  if (trouble.code !== 'database_unavailable') {
    view.message = sentence(advise(trouble));
  } else if (await isOpening(parts.api)) {
    view.message = vscode.l10n.t('The database is being opened…');
  } else {
    view.message = sentence(advise(trouble));
    parts.notices.report(trouble);
  }
}

async function isOpening(api: ControlApi): Promise<boolean> {
  try {
    const { database, recorder } = await api.status();
    return database.version === null && recorder.lastError === null;
  } catch {
    // Then the first failure is what there is to tell.
    return false;
  }
}

function setContext(key: string, value: unknown): Thenable<unknown> {
  return vscode.commands.executeCommand('setContext', key, value);
}
