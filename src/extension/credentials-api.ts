import type { Client } from '../client/client.ts';
import { unwrap } from '../client/unwrap.ts';
import type {
  ClientKeyRow,
  CredentialList,
  FinishedLogin,
  HeldKeyBody,
  LoginState,
  LoginWay,
  NewClientKey,
  StartedLogin,
} from '../protocol/credentials.ts';

/** Accounts and keys over the control API. Rejects like `ControlApi`. */
export class CredentialsApi {
  readonly #client: () => Client;

  constructor(client: () => Client) {
    this.#client = client;
  }

  async list(): Promise<CredentialList> {
    return await unwrap(this.#routes().$get());
  }

  /** For as long as the sidecar runs. */
  async hold(domain: string, json: HeldKeyBody): Promise<void> {
    await unwrap(this.#routes()[':domain'].$put({ param: { domain }, json }));
  }

  async letGo(domain: string): Promise<void> {
    await unwrap(this.#routes()[':domain'].$delete({ param: { domain } }));
  }

  async removeFile(domain: string): Promise<void> {
    await unwrap(this.#routes()[':domain'].file.$delete({ param: { domain } }));
  }

  async makeKey(domain: string, name: string | null): Promise<NewClientKey> {
    const json = name === null ? {} : { name };
    return await unwrap(this.#routes()[':domain'].keys.$post({ param: { domain }, json }));
  }

  async revokeKey(id: string): Promise<ClientKeyRow> {
    return await unwrap(this.#routes().keys[':id{[0-9a-f]{8}}'].$delete({ param: { id } }));
  }

  async refresh(domain: string): Promise<FinishedLogin> {
    return await unwrap(this.#routes()[':domain'].refresh.$post({ param: { domain }, json: {} }));
  }

  async beginLogin(domain: string, way: LoginWay): Promise<StartedLogin> {
    return await unwrap(this.#routes()[':domain'].login.$post({ param: { domain }, json: { way } }));
  }

  async pasteCode(domain: string, loginId: string, code: string): Promise<FinishedLogin> {
    const param = { domain, loginId };
    return await unwrap(this.#routes()[':domain'].login[':loginId'].$post({ param, json: { code } }));
  }

  /** Resolves when the log-in has come to its end; asks again while it has not. */
  async awaitLogin(domain: string, loginId: string): Promise<FinishedLogin> {
    for (;;) {
      const param = { domain, loginId };
      const answer: LoginState = await unwrap(this.#routes()[':domain'].login[':loginId'].$get({ param }));
      if (answer.state === 'done') return answer;
    }
  }

  async cancelLogin(domain: string, loginId: string): Promise<void> {
    await unwrap(this.#routes()[':domain'].login[':loginId'].$delete({ param: { domain, loginId } }));
  }

  #routes(): Client['api']['credentials'] {
    return this.#client().api.credentials;
  }
}
