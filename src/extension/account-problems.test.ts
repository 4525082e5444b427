import { expect, test } from 'vitest';
import { adviseAccount } from './account-problems.ts';
import type { TroubleCode } from './problems.ts';

function check(code: TroubleCode, detail: string, expected: [string, string, string]): void {
  const advice = adviseAccount({ code, detail }, 'a.example', { command: 'again', args: ['x'] });
  const words = advice.sentence.replace('{0}', advice.detail);
  expect([words, advice.button, [advice.command, ...advice.args].join(' ')]).toEqual(expected);
}

test('what happened as a sentence, and one way out', () => {
  check(
    'login_refused',
    'The token endpoint refused the log-in of a.example (400 invalid_grant): it was used elsewhere, withdrawn or has expired. Log in again: claude-nexus auth login a.example',
    [
      'The token endpoint refused the log-in of a.example (400 invalid_grant): it was used elsewhere, withdrawn or has expired.',
      'Log in…',
      'claudeNexus.logIn a.example',
    ],
  );
  check('login_unreachable', 'the token endpoint answered 503. Nothing was changed; try again.', [
    'The token endpoint answered 503. Nothing was changed; try again.',
    'Try again',
    'again x',
  ]);
  check('invalid_credential_file', '/made/up/a.json: is not JSON', [
    '/made/up/a.json: is not JSON.',
    'Open folder',
    'claudeNexus.openCredentialsFolder',
  ]);
  check('not_answering', 'Claude Nexus is not running.', [
    'Claude Nexus is running but does not answer, so Claude is not recorded for now.',
    'Restart',
    'claudeNexus.restartSidecar',
  ]);
});
