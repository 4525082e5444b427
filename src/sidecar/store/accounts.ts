import { createHmac } from 'node:crypto';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

export interface AccountEvidence {
  tenant: string;
  /** The `accountId` of the credential file that was used; beats the rest. */
  given: string | null;
  /** `account_uuid` of `metadata.user_id`. */
  accountUuid: string | null;
  /** Keyed fingerprint of the client's credential. */
  credential: { kind: 'api-key' | 'bearer'; fingerprint: string } | null;
  at: number;
}

/**
 * The account of an exchange: the given one, else its account uuid, else its API key, else the account last seen with its token. Ids are
 * keyed hashes, so that the store does not say who someone is. An OAuth token rotates: what is learnt with one request
 * that names the account holds for those that do not.
 */
export async function resolveAccount(
  db: Store,
  salt: string,
  evidence: AccountEvidence,
): Promise<string | null> {
  const { given, accountUuid, credential } = evidence;
  // Nothing is learnt from such a request: what its client says of itself may be another account.
  if (given !== null) return given;
  if (accountUuid === null && credential?.kind === 'api-key') return accountId(salt, credential.fingerprint);
  const named = accountUuid === null ? null : accountId(salt, accountUuid);
  if (credential === null) return named;
  const row = await db
    .selectFrom('credential')
    .select('account_id')
    .where('tenant', '=', evidence.tenant)
    .where('fingerprint', '=', credential.fingerprint)
    .executeTakeFirst();
  if (named === null) return row?.account_id ?? null;
  // Written when it says something new: an upsert on every request would lock and log the row each time.
  if (row?.account_id !== named) {
    await remember(db, evidence.tenant, credential.fingerprint, named, evidence.at);
  }
  return named;
}

export function accountId(salt: string, identity: string): string {
  return `acc_${createHmac('sha256', salt).update(identity).digest('hex').slice(0, 12)}`;
}

async function remember(
  db: Store,
  tenant: string,
  fingerprint: string,
  account: string,
  at: number,
): Promise<void> {
  const row = { account_id: account, seen_at: timestamp(at) };
  await db
    .insertInto('credential')
    .values({ tenant, fingerprint, ...row })
    .onConflict((conflict) => conflict.columns(['tenant', 'fingerprint']).doUpdateSet(row))
    .execute();
}
