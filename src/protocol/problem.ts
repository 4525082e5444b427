import { z } from 'zod';

/** Every code a problem can carry. The extension maps a code to one sentence and one button. */
export const problemCode = z.enum([
  'bad_request',
  'unauthorized',
  'too_many_attempts',
  'forbidden_host',
  'forbidden_origin',
  'not_found',
  'unsupported_media_type',
  'too_large',
  'busy',
  'database_unavailable',
  'database_newer',
  'data_dir_not_writable',
  'data_dir_owned_elsewhere',
  'other_version',
  'port_in_use',
  'invalid_option',
  'invalid_credential_file',
  'login_refused',
  'login_unreachable',
  'upstream_unreachable',
  'upstream_timeout',
  'shutting_down',
  'internal',
]);
export type ProblemCode = z.infer<typeof problemCode>;

/** RFC 9457 problem details with our code and, for bad input, one issue per field. */
export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string(),
  code: problemCode,
  issues: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problem>;
