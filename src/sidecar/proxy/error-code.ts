/** Node's or undici's code of an error, looking into aggregated connection errors; empty when there is none. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if (error instanceof AggregateError) {
    const first: unknown = error.errors[0];
    const inner = errorCode(first);
    if (inner !== '') return inner;
  }
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' ? code : '';
}
