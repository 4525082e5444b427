import { createInterface } from 'node:readline';
import {
  beginLogin,
  isState,
  PASTE_REDIRECT,
  readPasted,
  type LoginAttempt,
} from '../credentials/oauth-client.ts';
import { openLoopback } from '../credentials/login-loopback.ts';
import { credentialPath } from '../credentials/credential-path.ts';
import type { TokenEndpoint } from '../credentials/oauth-endpoint.ts';
import { existingCredential, finishLogin } from '../credentials/oauth-login.ts';
import { noLogin } from '../errors.ts';
import type { AuthCall } from './auth-command.ts';

/**
 * `auth login <domain>`: PKCE (RFC 7636) with a code that is pasted, or handed over by a browser on this machine.
 * Nothing is written before the tokens are there.
 */
export async function login(
  { io, credentialsDir, oauth, json }: AuthCall,
  domain: string,
  loopback: boolean,
  endpoint: TokenEndpoint,
): Promise<number> {
  const path = credentialPath(credentialsDir, domain);
  // Before anybody is sent to a page: a file that cannot be read is not written over in the end.
  const before = existingCredential(path);
  // stdout has nothing but the result where programs read it.
  const say = json ? io.err : io.out;
  const { attempt, code } = loopback
    ? await codeFromBrowser(oauth.clientId, say)
    : await codeFromPaste(oauth.clientId, io, say);

  const expiresAt = await finishLogin(path, endpoint, attempt, code);
  const until = new Date(expiresAt).toISOString();
  if (json) io.out(`${JSON.stringify({ domain, file: path, expiresAt: until }, null, 2)}\n`);
  else {
    io.out(`Logged in: ${path}\n`);
    if (before?.type === 'api_key') io.out('Its API key stays in the file and is not used any more.\n');
    io.out(`The token is good until ${until} and is refreshed by itself.\n`);
  }
  return 0;
}

async function codeFromPaste(
  clientId: string,
  io: AuthCall['io'],
  say: (text: string) => void,
): Promise<{ attempt: LoginAttempt; code: string }> {
  const attempt = beginLogin(clientId, PASTE_REDIRECT);
  say(`Open this page and log in:\n\n${attempt.url}\n\nThen paste the code it shows:\n`);
  for await (const line of createInterface({ input: io.input })) {
    if (line.trim() === '') continue;
    const pasted = readPasted(line);
    if (pasted === null) {
      say('That is not the whole code; it has a # in the middle. Paste it again:\n');
    } else if (isState(attempt, pasted.state)) {
      return { attempt, code: pasted.code };
    } else {
      throw noLogin(
        'bad_request',
        'the code belongs to another log-in. Start again, and use the page printed then.',
      );
    }
  }
  throw noLogin('bad_request', 'no code was given; nothing was changed.');
}

async function codeFromBrowser(
  clientId: string,
  say: (text: string) => void,
): Promise<{ attempt: LoginAttempt; code: string }> {
  const loopback = await openLoopback();
  try {
    const attempt = beginLogin(clientId, loopback.redirectUri);
    say(`Open this page in a browser on this machine and log in:\n\n${attempt.url}\n\n`);
    return { attempt, code: await loopback.codeFor((state) => isState(attempt, state)) };
  } finally {
    await loopback.close();
  }
}
