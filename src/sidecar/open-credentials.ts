import type { ServeConfig } from './config.ts';
import type { CredentialWorks } from './credential-works.ts';
import { openCredentials, type Credentials } from './credentials/credentials.ts';
import { createTokenEndpoint } from './credentials/oauth-endpoint.ts';
import { createTokenKeeper, type TokenKeeper } from './credentials/oauth-keeper.ts';
import { createCredentialWorks } from './credentials/works.ts';
import type { Log } from './log.ts';
import { createDispatcher } from './proxy/upstream.ts';
import { wayTo } from './proxy/upstream-way.ts';

/** The room of credentials, put together: what is stored, who refreshes it, and what the control API may do with it. */
export interface StoredCredentials {
  credentials: Credentials;
  keeper: TokenKeeper;
  works: CredentialWorks;
  close(): void;
}

/** `upstream`: the origin that stored credentials are sent to. `onChange` is called after every change. */
export function openStoredCredentials(
  config: ServeConfig,
  upstream: string,
  log: Log,
  onChange: () => void,
): StoredCredentials {
  const oauth = {
    clientId: config.oauthClientId,
    tokenUrl: config.oauthTokenUrl,
    // Log-ins take the same way out of a company's network as the traffic.
    dispatcher: createDispatcher(wayTo(new URL(config.oauthTokenUrl).origin, config, log)),
  };
  const credentials = openCredentials(config.credentialsDir, log, onChange);
  const keeper = createTokenKeeper({ ...oauth, log });
  const works = createCredentialWorks({
    dir: config.credentialsDir,
    upstream,
    credentials,
    keeper,
    clientId: config.oauthClientId,
    endpoint: createTokenEndpoint(oauth),
  });
  return {
    credentials,
    keeper,
    works,
    close: () => {
      works.close();
      credentials.close();
    },
  };
}
