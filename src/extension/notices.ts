import * as vscode from 'vscode';
import { advise, type Advice, type Trouble, type TroubleCode } from './problems.ts';
import type { Sidecar } from './sidecar-process.ts';

/** The wait before a new start from which on repeated deaths are worth a notice: the third in a row. */
const CRASH_LOOP_MS = 4000;

/** Tells the user about trouble: one sentence, one button, once until it is over. */
export interface Notices {
  /** A trouble of a running sidecar (its database, its upstream). */
  report(trouble: Trouble): void;
  /** That trouble is over: should it come back, it is told again. */
  over(code: TroubleCode): void;
}

export function registerNotices(context: vscode.ExtensionContext, sidecar: Sidecar): Notices {
  const told = new Map<TroubleCode, string>();
  const report = (trouble: Trouble): void => {
    if (told.get(trouble.code) === trouble.detail) return;
    told.set(trouble.code, trouble.detail);
    void show(trouble);
  };
  context.subscriptions.push(
    sidecar.onDidChangeState((state) => {
      if (state.kind === 'connected') told.clear();
      if (state.kind !== 'down') return;
      void vscode.commands.executeCommand('setContext', 'claudeNexus.trouble', state.trouble.code);
      // The user's own choice is no news; nor is a death that a start is about to mend, or to explain with a reason of
      // its own (two notices for one trouble would be one too many). One that keeps dying is.
      const mending = state.trouble.code === 'crashed' && (state.retryInMs ?? Infinity) < CRASH_LOOP_MS;
      if (state.trouble.code !== 'switched_off' && !mending) report(state.trouble);
    }),
    vscode.commands.registerCommand('claudeNexus.explain', async () => {
      if (sidecar.state.kind === 'down') await show(sidecar.state.trouble);
      else await vscode.commands.executeCommand('claudeNexus.openConversations');
    }),
  );
  return {
    report,
    over: (code) => {
      told.delete(code);
    },
  };
}

async function show(trouble: Trouble): Promise<void> {
  const advice = advise(trouble);
  const button = vscode.l10n.t(advice.button);
  const chosen = await vscode.window.showWarningMessage(sentence(advice), button);
  if (chosen === button) await vscode.commands.executeCommand(advice.command, ...advice.args);
}

/** The sentence of an advice, in the user's language where there is a translation. */
export function sentence(advice: Advice): string {
  return vscode.l10n.t(advice.sentence, advice.detail).trim();
}
