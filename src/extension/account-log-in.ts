import * as vscode from 'vscode';
import type { FinishedLogin, LoginWay, StartedLogin } from '../protocol/credentials.ts';
import { ProblemError } from '../client/unwrap.ts';
import { isElsewhere } from './account-files.ts';
import { domainLabel } from './account-items.ts';
import type { CredentialsApi } from './credentials-api.ts';

/**
 * Logs in with a Claude account for the domain. The browser on this machine hands the code over by itself; where it is
 * on another one, or the user prefers it, the code is pasted. The tokens go into the domain's credential file, which the
 * sidecar looks after without VS Code.
 */
export async function logIn(api: CredentialsApi, domain: string): Promise<void> {
  const way = isElsewhere() ? 'paste' : await pickWay();
  if (way === null) return;
  const started = await api.beginLogin(domain, way);
  try {
    // The answer is also false when the user copied the link instead, so it says nothing.
    await vscode.env.openExternal(vscode.Uri.parse(started.url, true));
    const done = await (way === 'paste' ? pasted : handedOver)(api, domain, started);
    if (done === null) return;
    vscode.window.setStatusBarMessage(vscode.l10n.t('Logged in for {0}.', domainLabel(domain)), 6000);
  } finally {
    // One that has come to its end is only forgotten.
    await api.cancelLogin(domain, started.loginId).catch(() => undefined);
  }
}

async function pickWay(): Promise<LoginWay | null> {
  const chosen = await vscode.window.showQuickPick(
    [
      {
        label: vscode.l10n.t('With the browser on this machine'),
        detail: vscode.l10n.t('The page comes back to Claude Nexus by itself.'),
        way: 'loopback' as const,
      },
      {
        label: vscode.l10n.t('Paste a code'),
        detail: vscode.l10n.t('For a browser on another machine, or one that cannot come back.'),
        way: 'paste' as const,
      },
    ],
    { placeHolder: vscode.l10n.t('How do you log in with Claude?') },
  );
  return chosen?.way ?? null;
}

/** null: given up. */
async function handedOver(
  api: CredentialsApi,
  domain: string,
  { loginId }: StartedLogin,
): Promise<FinishedLogin | null> {
  return await vscode.window.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Waiting for the log-in in the browser…'),
      cancellable: true,
    },
    async (_progress, token) => {
      const givenUp = new Promise<null>((resolve) => {
        token.onCancellationRequested(() => {
          resolve(null);
        });
      });
      return await Promise.race([api.awaitLogin(domain, loginId), givenUp]);
    },
  );
}

/** Asks for the code until it fits or the box is closed (null). What is wrong with it stands below the box. */
function pasted(
  api: CredentialsApi,
  domain: string,
  { loginId }: StartedLogin,
): Promise<FinishedLogin | null> {
  const box = vscode.window.createInputBox();
  box.title = vscode.l10n.t('Log in for {0}', domainLabel(domain));
  box.prompt = vscode.l10n.t('Log in on the page that was opened, and paste the code it shows.');
  box.placeholder = vscode.l10n.t('code#state');
  box.ignoreFocusOut = true;
  return new Promise<FinishedLogin | null>((resolve, reject) => {
    const take = async (): Promise<void> => {
      const code = box.value.trim();
      if (code === '' || box.busy) return;
      box.busy = true;
      box.enabled = false;
      try {
        resolve(await api.pasteCode(domain, loginId, code));
      } catch (error) {
        if (isAboutCode(error)) box.validationMessage = error.detail;
        else reject(error instanceof Error ? error : new Error(String(error)));
      }
      box.busy = false;
      box.enabled = true;
    };
    box.onDidAccept(() => void take());
    box.onDidChangeValue(() => {
      box.validationMessage = undefined;
    });
    box.onDidHide(() => {
      resolve(null);
    });
    box.show();
  }).finally(() => {
    box.dispose();
  });
}

/** Of a wrong paste; the log-in goes on. */
function isAboutCode(error: unknown): error is ProblemError {
  return error instanceof ProblemError && error.issues.some(({ path }) => path === 'code');
}
