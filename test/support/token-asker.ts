import { readCredentialFile } from '../../src/sidecar/credentials/credential-file.ts';
import { createTokenKeeper } from '../../src/sidecar/credentials/oauth-keeper.ts';
import { CLIENT_ID } from './fake-token-endpoint.ts';

/**
 * A process that asks a keeper of its own for the token of `argv[2]`, refreshed at `argv[3]`, once it is told to. It says
 * `ready`, then `asking`, then the token or the error's code.
 */
const [path, tokenUrl] = process.argv.slice(2) as [string, string];
const nothing = (): void => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const keeper = createTokenKeeper({ clientId: CLIENT_ID, tokenUrl, log });
const file = readCredentialFile(path);

process.on('message', () => {
  const token = keeper.tokenOf(path, file);
  process.send?.('asking');
  token.then(
    (value) => process.send?.(value),
    (error: unknown) => process.send?.((error as { code: string }).code),
  );
});
process.send?.('ready');
