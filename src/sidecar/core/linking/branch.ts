/** `branch_YYYYMMDDHHMMSS`, UTC, of the request that opens it. `at`: milliseconds since the epoch. */
export function branchName(at: number): string {
  return `branch_${digits(at)}`;
}

/** `compact_HHMMSS`, UTC. */
export function compactName(at: number): string {
  return `compact_${digits(at).slice(8)}`;
}

function digits(at: number): string {
  const date = new Date(Number.isFinite(at) && Math.abs(at) < 8.64e15 ? at : 0);
  return date.toISOString().replace(/\D/g, '').slice(0, 14);
}
