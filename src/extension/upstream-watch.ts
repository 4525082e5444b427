import type * as vscode from 'vscode';
import type { RequestRow } from '../protocol/rows.ts';
import type { ControlApi } from './control-api.ts';
import type { Events } from './events.ts';
import type { Notices } from './notices.ts';
import type { Output } from './output.ts';
import type { Trouble } from './problems.ts';
import { Throttle } from './throttle.ts';
import { upstreamTrouble } from './upstream-trouble.ts';

/** Tells when the Claude API itself cannot be reached; Claude Code only shows "API Error" and tries again. */
export function registerUpstreamWatch(
  context: vscode.ExtensionContext,
  parts: { events: Events; api: ControlApi; notices: Notices; output: Output },
): void {
  const { events, api, notices, output } = parts;
  let newest = new Date().toISOString();
  const judge = (row: RequestRow | null): Trouble | null => {
    if (row === null || row.timestamp <= newest) return null;
    newest = row.timestamp;
    return upstreamTrouble(row);
  };
  const look = new Throttle(async () => {
    try {
      const trouble = judge(await api.latestFailure());
      if (trouble === null) return;
      output.log.warn(trouble.detail);
      notices.report(trouble);
    } catch (error) {
      // The conversations view tells about a store that does not answer.
      output.log.debug(`The latest failure could not be read: ${String(error)}`);
    }
  }, 1000);
  context.subscriptions.push(
    look,
    events.onEvent(({ name }) => {
      if (name === 'exchange.recorded') look.request();
    }),
  );
}
