/**
 * The secrets that are known by their looks (SPEC 3.3). A pattern begins at one of its hints and keeps group 1; what it
 * matches beyond that is the secret. Rules for every pattern:
 * - sticky, and bounded everywhere: linear in the input, and no repetition is so long that it exhausts the regular
 *   expression's stack (30 MB of one class do);
 * - it also reads JSON text as it stands: it never takes a bare quote, nor a backslash that could escape one, so that a
 *   match cannot leave the string it began in; base64 and URLs may have their `/`, `+`, `=` escaped;
 * - it does not match what it leaves (`****`), so that masking twice changes nothing more.
 * `redact-kinds.test.ts` has what each must match and must leave.
 */
export interface SecretKind {
  kind: string;
  /** Literals, at least 3 characters; every match begins with one of them. */
  hints: readonly string[];
  pattern: RegExp;
}

/**
 * Before a prefix that is no word of its own: not inside a word or base64, but after an escaped control character
 * (`\n`, as in JSON text within text) or a percent-encoded one.
 */
const START = String.raw`(?:(?<![A-Za-z0-9+/_-])|(?<=\\[bfnrt]|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}))`;
/** White space, as it is or escaped, or as a URL has it. */
const SPACE = String.raw`(?:[ \t\r\n]|\\[nrt]|%20|\+){1,8}`;
/** One character of base64, also escaped: PHP writes `\/`, .NET `\u002B`. */
const BASE64 = String.raw`(?:[A-Za-z0-9+/=_-]|\\/|\\u00(?:2[BbFfDd]|3[Dd]))`;
/** Plain characters of a URL's authority, high bytes included; escaped ones that are none of its delimiters. */
const AUTHORITY = String.raw`[^\x00-\x20"'<>\\\x60/:@]|\\u00(?:2[134568-9A-Ea-e]|3[0-9BDFbdf]|[5-7][0-9A-Fa-f])`;
/** A letters-only word that reads like prose: "Bearer authentication". */
const WORD = String.raw`[A-Z]?[a-z]{1,15}[.]?(?![A-Za-z0-9._~+/=-])`;
/** Not a secret but where one goes: `$PASSWORD`, `${…}`, `<password>`, `%s`, or what is masked already. */
const PLACEHOLDER = String.raw`(?:[$<{[(%]|\*\*\*)`;
const PEM_LABEL = '[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----';
const PEM_BREAK = String.raw`(?:[ \t\r\n]|\\{1,4}[nrt])`;
/** What stands between the lines of a key: its lines, broken in any way, and within quotes that are escaped. */
const PEM_TEXT = String.raw`(?:[^-"\\]|\\.|-(?!----))`;

const sticky = (source: string): RegExp => new RegExp(source, 'y');
/** A prefix nobody writes by chance, and the characters that follow it. */
const prefixed = (kind: string, hint: string, rest: string): SecretKind => ({
  kind,
  hints: [hint],
  pattern: sticky(`(${hint.replaceAll('.', String.raw`\.`)})${rest}`),
});
const githubToken = (hint: string): SecretKind => prefixed('github-token', hint, '[A-Za-z0-9]{16,300}');
const stripeKey = (hint: string): SecretKind => prefixed('stripe-key', hint, '[A-Za-z0-9]{16,300}');

export const secretKinds: readonly SecretKind[] = [
  {
    kind: 'pem',
    hints: ['-----BEGIN '],
    // Whole, or cut off: then at least one line of a key must follow, which prose about keys has not.
    pattern: sticky(
      `(-----BEGIN ${PEM_LABEL})(?:(?=${PEM_TEXT}{0,200}?[A-Za-z0-9+/]{16})${PEM_TEXT}{1,32768}(?=-----END )|` +
        `${PEM_BREAK}{0,8}(?:[A-Za-z0-9+/=]{16,65536}(?:${PEM_BREAK}{1,8}[A-Za-z0-9+/=]{1,200}){0,2000}))`,
    ),
  },
  prefixed('anthropic-key', 'sk-ant-', '[A-Za-z0-9_-]{8,65536}'),
  prefixed('nexus-key', 'cnp_live_', '[A-Za-z0-9_-]{8,65536}'),
  {
    kind: 'openai-key',
    hints: ['sk-proj-', 'sk-svcacct-', 'sk-admin-', 'sk-or-v1-'],
    pattern: sticky(`${START}(sk-(?:proj|svcacct|admin|or-v1)-)[A-Za-z0-9_-]{20,1000}`),
  },
  // Without a middle: long, with a digit, and not the end of a word (`task-…`).
  {
    kind: 'openai-key',
    hints: ['sk-'],
    pattern: sticky(`${START}(sk-)(?=[A-Za-z]{0,60}[0-9])[A-Za-z0-9]{32,300}`),
  },
  {
    kind: 'bearer',
    hints: ['Bearer', 'bearer', 'BEARER'],
    pattern: sticky(`(?<![A-Za-z])([A-Za-z]{6}${SPACE})(?!${WORD})(?:${BASE64}|[.~]){8,65536}`),
  },
  {
    kind: 'basic',
    hints: ['Basic', 'basic', 'BASIC'],
    pattern: sticky(
      `(?<![A-Za-z])([A-Za-z]{5}${SPACE})(?=[A-Za-z]{0,60}(?:[0-9=]|[a-z][A-Z]))${BASE64}{12,8192}`,
    ),
  },
  githubToken('ghp_'),
  githubToken('gho_'),
  githubToken('ghu_'),
  githubToken('ghs_'),
  githubToken('ghr_'),
  prefixed('github-token', 'github_pat_', '[A-Za-z0-9_]{16,300}'),
  prefixed('gitlab-token', 'glpat-', '[A-Za-z0-9_.-]{16,300}'),
  { kind: 'google-key', hints: ['AIza'], pattern: sticky(`${START}(AIza)[A-Za-z0-9_-]{30,100}`) },
  { kind: 'google-token', hints: ['ya29.'], pattern: sticky(`${START}(ya29\\.)[A-Za-z0-9_.-]{20,4096}`) },
  prefixed('google-secret', 'GOCSPX-', '[A-Za-z0-9_-]{20,100}'),
  { kind: 'slack-token', hints: ['xox'], pattern: sticky('(xox[a-z]-)[A-Za-z0-9-]{8,500}') },
  prefixed('slack-token', 'xapp-', '[A-Za-z0-9-]{16,500}'),
  {
    kind: 'slack-webhook',
    hints: ['hooks.slack.com'],
    pattern: sticky(
      String.raw`(hooks\.slack\.com\\?/(?:services|workflows)\\?/)(?:[A-Za-z0-9/_-]|\\/){8,300}`,
    ),
  },
  {
    kind: 'aws-key',
    hints: ['AKIA', 'ASIA'],
    pattern: sticky(`${START}(A[KS]IA)[A-Z0-9]{16}(?![A-Za-z0-9+/_=-])`),
  },
  {
    kind: 'aws-key',
    hints: ['aws_s', 'AWS_S', 'secretAccessKey', 'SecretAccessKey', 'sessionToken', 'SessionToken'],
    pattern: sticky(
      String.raw`((?:aws_secret_access_key|AWS_SECRET_ACCESS_KEY|aws_session_token|AWS_SESSION_TOKEN|[sS]ecretAccessKey|[sS]essionToken)\\{0,3}["']?\s{0,4}[=:]\s{0,4}\\{0,3}["']?)${BASE64}{30,4096}`,
    ),
  },
  stripeKey('sk_live_'),
  stripeKey('sk_test_'),
  stripeKey('rk_live_'),
  stripeKey('rk_test_'),
  { kind: 'stripe-key', hints: ['whsec_'], pattern: sticky(`(whsec_)${BASE64}{20,300}`) },
  prefixed('npm-token', 'npm_', '[A-Za-z0-9]{36,100}'),
  {
    kind: 'npm-token',
    hints: ['_authToken', '_password'],
    pattern: sticky(`(_(?:authToken|password)\\s{0,4}=\\s{0,4})(?!${PLACEHOLDER})${BASE64}{8,4096}`),
  },
  prefixed('pypi-token', 'pypi-', '[A-Za-z0-9_-]{50,1000}'),
  { kind: 'huggingface-token', hints: ['hf_'], pattern: sticky(`${START}(hf_)[A-Za-z0-9]{30,100}`) },
  { kind: 'sendgrid-key', hints: ['SG.'], pattern: sticky(`${START}(SG\\.)[\\w-]{16,100}\\.[\\w-]{16,100}`) },
  {
    kind: 'jwt',
    hints: ['eyJ'],
    pattern: sticky(`${START}(eyJ)[\\w-]{10,65536}\\.eyJ[\\w-]{4,65536}(?:\\.[\\w-]{1,65536})?`),
  },
  {
    kind: 'url-password',
    hints: ['://', String.raw`:\/\/`],
    pattern: sticky(
      String.raw`(:(?://|\\/\\/)(?:${AUTHORITY}){0,200}:)(?!${PLACEHOLDER})(?:${AUTHORITY}|[:@]){1,400}(?=@)`,
    ),
  },
  {
    kind: 'password',
    hints: ['password=', 'Password=', 'PASSWORD=', 'passwd=', 'PASSWD=', 'pwd=', 'Pwd='],
    // A parameter of a URL or of a connection string, or a variable of an environment.
    pattern: sticky(
      `((?:(?<=[?&;]|&amp;|\\\\u0026)(?:[Pp]assword|passwd|[Pp]wd)|PASSWORD|PASSWD)=)` +
        String.raw`(?!${PLACEHOLDER})[^\x00-\x20"'<>\\\x60&;,)]{4,400}`,
    ),
  },
];
