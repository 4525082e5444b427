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

/** What the control API does with credentials. Domains are as `domainName` gives them; all throw NexusErrors. */
export interface CredentialWorks {
  list(): CredentialList;
  hold(domain: string, body: HeldKeyBody): void;
  /** Takes away what was handed over. */
  letGo(domain: string): void;
  /** Deletes the domain's file, a log-in with it. */
  removeFile(domain: string): Promise<void>;
  makeKey(domain: string, name: string | null): Promise<NewClientKey>;
  revokeKey(id: string): Promise<ClientKeyRow>;
  beginLogin(domain: string, way: LoginWay): Promise<StartedLogin>;
  pasteCode(domain: string, id: string, code: string): Promise<FinishedLogin>;
  awaitLogin(domain: string, id: string): Promise<LoginState>;
  cancelLogin(domain: string, id: string): void;
  /** Refreshes a log-in now; when its new access token ends. */
  refresh(domain: string): Promise<FinishedLogin>;
  close(): void;
}
