import * as vscode from 'vscode';
import { accountChildren, accountItem, domainLabel } from './account-items.ts';
import { accountNodes, type AccountNode } from './accounts.ts';
import type { ApiKeys } from './api-keys.ts';
import type { CredentialsApi } from './credentials-api.ts';
import type { Events } from './events.ts';
import { handOver } from './key-handover.ts';
import { sentence } from './notices.ts';
import type { Output } from './output.ts';
import { advise, troubleOf } from './problems.ts';
import type { Sidecar } from './sidecar-process.ts';
import { Throttle } from './throttle.ts';

const VIEW = 'claudeNexus.accounts';
/** Ages and ends are words: they are drawn anew while somebody looks. */
const AGES_MS = 60_000;
/** One change is several events. */
const REFRESH_MS = 100;

interface ViewParts {
  readonly sidecar: Sidecar;
  readonly events: Events;
  readonly api: CredentialsApi;
  readonly keys: ApiKeys;
  readonly secrets: vscode.SecretStorage;
  readonly output: Output;
}

/** The view's content, for pickers, and a way to ask for it anew. */
export interface AccountsView {
  /** The roots as they are now; rejects like the control API. */
  nodes(): Promise<readonly AccountNode[]>;
  refresh(): void;
}

/**
 * The tree of accounts and keys in the side bar. With every connection to a sidecar the keys that VS Code keeps are
 * handed over first: a sidecar has them in memory only.
 */
export function registerAccountsView(context: vscode.ExtensionContext, parts: ViewParts): AccountsView {
  const { sidecar, events, api, keys, output } = parts;
  const changed = new vscode.EventEmitter<undefined>();
  let roots: readonly AccountNode[] = [];
  const view = vscode.window.createTreeView<AccountNode>(VIEW, {
    treeDataProvider: {
      onDidChangeTreeData: changed.event,
      getChildren: (node) => (node === undefined ? [...roots] : accountChildren(node)),
      getTreeItem: (node) => accountItem(node, new Date()),
    },
  });
  const nodes = async (): Promise<readonly AccountNode[]> => accountNodes(await api.list(), await keys.all());
  const show = (shown: readonly AccountNode[], message: string): void => {
    roots = shown;
    view.message = message;
    void setContext('claudeNexus.accountsLoaded', sidecar.state.kind === 'connected');
    changed.fire(undefined);
  };
  const refresh = new Throttle(async () => {
    if (sidecar.ready === null) return;
    try {
      show(await nodes(), '');
    } catch (error) {
      const trouble = troubleOf(error, 'internal');
      output.log.warn(`Accounts and keys did not come (${trouble.code}): ${trouble.detail}`);
      // The sidecar's own end is told elsewhere.
      if (sidecar.state.kind === 'connected') show([], sentence(advise(trouble)));
    }
  }, REFRESH_MS);
  const tell = (error: unknown): void => {
    const trouble = troubleOf(error, 'internal');
    output.log.warn(`An API key was not handed over (${trouble.code}): ${trouble.detail}`);
  };
  /** The domains whose keys the user was asked for: once, until one is used again. */
  let asked: ReadonlySet<string> = new Set();
  const connect = async (): Promise<void> => {
    try {
      const { elsewhere, failed } = await handOver(keys, api);
      failed.forEach(tell);
      for (const domain of elsewhere) {
        if (!asked.has(domain)) void askAgain(domain);
      }
      asked = new Set(elsewhere);
    } catch (error) {
      tell(error);
    }
    refresh.request();
  };
  const timer = setInterval(() => {
    if (view.visible && roots.length > 0) changed.fire(undefined);
  }, AGES_MS);

  context.subscriptions.push(
    view,
    changed,
    refresh,
    {
      dispose: () => {
        clearInterval(timer);
      },
    },
    sidecar.onDidChangeState((state) => {
      // Over a quick restart the list stays, so that nothing flickers.
      if (state.kind === 'starting' || (state.kind === 'down' && state.retryInMs !== 0)) show([], '');
      if (state.kind === 'connected') void connect();
    }),
    events.onEvent(({ name }) => {
      if (name === 'credentials.changed' || name === 'resync') refresh.request();
    }),
    parts.secrets.onDidChange(({ key }) => {
      if (keys.has(key)) refresh.request();
    }),
  );
  return {
    nodes,
    refresh: () => {
      refresh.request();
    },
  };
}

/** A key goes to the upstream it was entered for, and to no other. */
async function askAgain(domain: string): Promise<void> {
  const enter = vscode.l10n.t('Enter API key');
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t(
      'The upstream has changed, so the API key for {0} is not used until you enter it again.',
      domainLabel(domain),
    ),
    enter,
  );
  if (chosen === enter) await vscode.commands.executeCommand('claudeNexus.addApiKey', domain);
}

function setContext(key: string, value: unknown): Thenable<unknown> {
  return vscode.commands.executeCommand('setContext', key, value);
}
