import * as vscode from 'vscode';
import { z } from 'zod';
import { addApiKey, newClientKey, refreshLogIn, removeCredential, revokeKey } from './account-actions.ts';
import { openCredentialsFile, openCredentialsFolder } from './account-files.ts';
import { logIn } from './account-log-in.ts';
import { adviseAccount, type Again } from './account-problems.ts';
import type { AccountDomain } from './accounts.ts';
import type { AccountsView } from './accounts-view.ts';
import type { ApiKeys } from './api-keys.ts';
import type { CredentialsApi } from './credentials-api.ts';
import { sentence } from './notices.ts';
import type { Output } from './output.ts';
import { pickDomain, pickKey, pickKnownDomain } from './pick-account.ts';
import { troubleOf } from './problems.ts';

export interface AccountParts {
  readonly api: CredentialsApi;
  readonly keys: ApiKeys;
  readonly view: AccountsView;
  readonly output: Output;
}

/** A command's argument: a domain, or a node of the tree. Commands can be called by anybody, so it is checked. */
const domainArgument = z.union([
  z.string(),
  z.object({ domain: z.string() }).transform(({ domain }) => domain),
]);
const keyArgument = z
  .object({ key: z.looseObject({ id: z.string(), name: z.string(), domain: z.string() }) })
  .transform(({ key }) => key);

/** Commands of the view "Accounts and keys". From the command palette they ask which domain or key. */
export function registerAccountCommands(context: vscode.ExtensionContext, parts: AccountParts): void {
  const { view } = parts;
  /** `work` gets the domain; whatever goes wrong is told with a way out. */
  const command = (
    name: string,
    choose: () => Promise<string | null>,
    work: (domain: string) => Promise<void>,
  ): ((argument: unknown) => Promise<void>) => {
    return async (argument) => {
      const given = domainArgument.safeParse(argument);
      const domain = given.success ? given.data : await choose();
      if (domain === null) return;
      await attempt(parts, domain, { command: name, args: [domain] }, () => work(domain));
    };
  };
  const any = (placeHolder: string) => () => pickDomain(view, placeHolder);
  const known = (placeHolder: string, fits: (node: AccountDomain) => boolean) => () =>
    pickKnownDomain(view, placeHolder, fits);
  context.subscriptions.push(
    vscode.commands.registerCommand(
      'claudeNexus.addApiKey',
      command('claudeNexus.addApiKey', any(vscode.l10n.t('Whose requests use the API key?')), (domain) =>
        addApiKey(parts, domain),
      ),
    ),
    vscode.commands.registerCommand(
      'claudeNexus.logIn',
      command('claudeNexus.logIn', any(vscode.l10n.t('Whose requests use the log-in?')), (domain) =>
        logIn(parts.api, domain),
      ),
    ),
    vscode.commands.registerCommand(
      'claudeNexus.refreshLogIn',
      command(
        'claudeNexus.refreshLogIn',
        known(vscode.l10n.t('Which log-in?'), ({ credential }) => credential?.type === 'oauth'),
        (domain) => refreshLogIn(parts, domain),
      ),
    ),
    vscode.commands.registerCommand(
      'claudeNexus.newClientKey',
      command(
        'claudeNexus.newClientKey',
        known(vscode.l10n.t('Which domain does the client key open?'), () => true),
        (domain) => newClientKey(parts, domain),
      ),
    ),
    vscode.commands.registerCommand(
      'claudeNexus.removeCredential',
      command(
        'claudeNexus.removeCredential',
        known(
          vscode.l10n.t('Of which domain?'),
          ({ credential, kept }) => credential !== null || kept !== 'none',
        ),
        (domain) => removeCredential(parts, domain),
      ),
    ),
    vscode.commands.registerCommand('claudeNexus.revokeClientKey', async (argument: unknown) => {
      const given = keyArgument.safeParse(argument);
      const key = given.success ? given.data : await pickKey(view);
      if (key === null) return;
      await attempt(parts, key.domain, { command: 'claudeNexus.revokeClientKey', args: [] }, () =>
        revokeKey(parts, key),
      );
    }),
    vscode.commands.registerCommand(
      'claudeNexus.openCredentialsFile',
      command(
        'claudeNexus.openCredentialsFile',
        known(vscode.l10n.t('Of which domain?'), ({ credential }) => credential?.source === 'file'),
        (domain) => openCredentialsFile(parts.api, domain),
      ),
    ),
    vscode.commands.registerCommand('claudeNexus.openCredentialsFolder', async () => {
      await attempt(parts, null, { command: 'claudeNexus.openCredentialsFolder', args: [] }, () =>
        openCredentialsFolder(parts.api),
      );
    }),
  );
}

/** Does the work; a failure is told in a sentence with one button. */
async function attempt(
  { view, output }: AccountParts,
  domain: string | null,
  again: Again,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const trouble = troubleOf(error, 'internal');
    output.log.warn(`${again.command} came to nothing (${trouble.code}): ${trouble.detail}`);
    const advice = adviseAccount(trouble, domain, again);
    const button = vscode.l10n.t(advice.button);
    // Not awaited: the command is over, the notice may stay.
    void vscode.window.showWarningMessage(sentence(advice), button).then(async (chosen) => {
      if (chosen === button) await vscode.commands.executeCommand(advice.command, ...advice.args);
    });
  } finally {
    view.refresh();
  }
}
