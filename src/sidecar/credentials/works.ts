import { basename, join } from 'node:path';
import type { CredentialWorks } from '../credential-works.ts';
import { makeDirectory } from '../data-dir.ts';
import { badRequest, NexusError, noLogin, noSuchCredential } from '../errors.ts';
import { addClientKey, CLIENT_KEYS_FILE, generateClientKey, removeClientKey } from './client-keys.ts';
import { readCredentialFile } from './credential-file.ts';
import { credentialPath } from './credential-path.ts';
import type { Credentials } from './credentials.ts';
import { createLoginAttempts } from './login-attempts.ts';
import type { TokenEndpoint } from './oauth-endpoint.ts';
import type { TokenKeeper } from './oauth-keeper.ts';
import { removeCredentialFile } from './oauth-login.ts';

/** What the works have in their hands. */
export interface CredentialWorksOptions {
  dir: string;
  /** The origin of the upstream. */
  upstream: string;
  credentials: Credentials;
  keeper: TokenKeeper;
  clientId: string;
  endpoint: TokenEndpoint;
}

export function createCredentialWorks(options: CredentialWorksOptions): CredentialWorks {
  const { dir, upstream, credentials, keeper, clientId, endpoint } = options;
  const keysPath = join(dir, CLIENT_KEYS_FILE);
  const attempts = createLoginAttempts({
    clientId,
    endpoint,
    onDone: () => {
      credentials.look();
    },
  });
  /** Of the domain's file: the one that is there, however its name is written, else a new one. */
  const pathOf = (domain: string): string => credentials.fileOf(domain) ?? credentialPath(dir, domain);

  return {
    list: () => ({ ...credentials.list(Date.now()), upstream }),
    hold: (domain, { apiKey, accountId, upstream: meant }) => {
      if (meant !== undefined && meant !== upstream) {
        const message = `the key is for ${meant.slice(0, 200)}, and requests go to ${upstream}`;
        throw badRequest(`The key was not taken: ${message}.`, [{ path: 'upstream', message }]);
      }
      credentials.hold(domain, apiKey, accountId ?? null);
    },
    letGo: (domain) => {
      if (!credentials.letGo(domain)) {
        throw noSuchCredential(`No API key was handed over for ${domain}.`);
      }
    },
    removeFile: async (domain) => {
      const removed = await removeCredentialFile(pathOf(domain));
      credentials.look();
      if (!removed) throw noSuchCredential(`There is no credential file for ${domain}.`);
    },
    makeKey: async (domain, name) => {
      makeDirectory(dir, 0o700);
      const key = generateClientKey();
      const kept = await addClientKey(keysPath, key, domain, name, new Date());
      credentials.look();
      return { ...kept, key };
    },
    revokeKey: async (id) => {
      const kept = await removeClientKey(keysPath, id);
      credentials.look();
      if (kept === null) throw noSuchCredential(`There is no client key ${id}. It may have been revoked.`);
      return kept;
    },
    beginLogin: (domain, way) => attempts.begin(domain, pathOf(domain), way),
    pasteCode: (domain, id, code) => attempts.paste(domain, id, code),
    awaitLogin: (domain, id) => attempts.wait(domain, id),
    cancelLogin: (domain, id) => {
      if (!attempts.cancel(domain, id)) throw noSuchCredential('This log-in has ended.');
    },
    refresh: async (domain) => {
      const path = credentials.fileOf(domain);
      if (path === null) throw noSuchCredential(`There is no log-in for ${domain}.`);
      try {
        await keeper.refreshNow(path);
      } catch (error) {
        // To whoever asks over the API a 401 would say that its own key is wrong.
        const refused = error instanceof NexusError && error.code === 'login_refused';
        throw refused ? noLogin('login_refused', error.message) : error;
      } finally {
        credentials.look();
      }
      const file = readCredentialFile(path);
      const until = file.type === 'oauth' ? file.oauth.expiresAt : Date.now();
      return { domain, file: basename(path), until: new Date(until).toISOString() };
    },
    close: () => {
      attempts.close();
    },
  };
}
