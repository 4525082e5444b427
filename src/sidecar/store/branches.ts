import { sql, type RawBuilder } from 'kysely';
import type { LinkDecision } from '../core/facts.ts';
import type { Store } from './tables.ts';
import { timestamp } from './values.ts';

export interface BranchRequest {
  tenant: string;
  conversationId: string;
  requestId: string;
  at: number;
  parentId: string | null;
  branch: LinkDecision['branch'];
}

/**
 * The branch a request is on. One that the linker calls new gets an id of its own: `_2`, `_3` … where the id exists.
 * A sub-task's branch keeps the id given when the call was recorded; further agents of one workflow are beside it.
 * `change` is the statement that opens it; null where it exists.
 */
export async function openBranch(
  db: Store,
  request: BranchRequest,
): Promise<{ branchId: string; change: RawBuilder<unknown> | null }> {
  const { branch, tenant, conversationId, parentId, requestId } = request;
  const exists = branch.kind === 'same' || (branch.kind === 'main' && !branch.isNew);
  if (exists) return { branchId: branch.id, change: null };
  const unique = branch.isNew && branch.kind !== 'main';
  const branchId = unique ? await uniqueId(db, request) : branch.id;
  const change = sql`
    insert into branch (tenant, conversation_id, branch_id, kind, parent_id, first_id, created_at)
    values (${tenant}, ${conversationId}, ${branchId}, ${branch.kind}, ${parentId}, ${requestId},
      ${timestamp(request.at)})
    on conflict do nothing`;
  return { branchId, change };
}

async function uniqueId(db: Store, { tenant, conversationId, branch }: BranchRequest): Promise<string> {
  const rows = await db
    .selectFrom('branch')
    .select('branch_id')
    .where('tenant', '=', tenant)
    .where('conversation_id', '=', conversationId)
    .execute();
  return uniqueBranch(branch.id, new Set(rows.map((row) => row.branch_id)));
}

/** `_2`, `_3` … behind an id that is taken. */
export function uniqueBranch(base: string, taken: ReadonlySet<string>): string {
  let id = base;
  for (let suffix = 2; taken.has(id); suffix++) id = `${base}_${String(suffix)}`;
  return id;
}
