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
 */
export async function openBranch(db: Store, request: BranchRequest): Promise<string> {
  const { branch } = request;
  if (branch.kind === 'same') return branch.id;
  const unique = branch.isNew && branch.kind !== 'main';
  const branchId = unique ? await uniqueId(db, request) : branch.id;
  await db
    .insertInto('branch')
    .values({
      tenant: request.tenant,
      conversation_id: request.conversationId,
      branch_id: branchId,
      kind: branch.kind,
      parent_id: request.parentId,
      first_id: request.requestId,
      created_at: timestamp(request.at),
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return branchId;
}

async function uniqueId(db: Store, { tenant, conversationId, branch }: BranchRequest): Promise<string> {
  const rows = await db
    .selectFrom('branch')
    .select('branch_id')
    .where('tenant', '=', tenant)
    .where('conversation_id', '=', conversationId)
    .execute();
  const taken = new Set(rows.map((row) => row.branch_id));
  let id = branch.id;
  for (let suffix = 2; taken.has(id); suffix++) id = `${branch.id}_${String(suffix)}`;
  return id;
}
