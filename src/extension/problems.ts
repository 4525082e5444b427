import { z } from 'zod';
import { ProblemError } from '../client/unwrap.ts';
import { problemCode } from '../protocol/problem.ts';
import type { OtherOwner } from '../protocol/status.ts';

/** Why the sidecar is not there, or what it says it cannot do. The codes beyond the protocol's are the window's own. */
export const troubleCode = z.enum([
  ...problemCode.options,
  'spawn_failed',
  'start_timeout',
  'not_answering',
  'newer_sidecar',
  'crashed',
  'switched_off',
]);
export type TroubleCode = z.infer<typeof troubleCode>;

/** `detail` is the sidecar's own sentence (or the system's error): shown in the log, and where no sentence of ours fits. */
export interface Trouble {
  readonly code: TroubleCode;
  readonly detail: string;
}

/** One sentence (`{0}` = `detail`), and the one button that leads out. `command` and `args` are a VS Code command. */
export interface Advice {
  readonly sentence: string;
  readonly detail: string;
  readonly button: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** What to tell the user about a trouble: what happened, what it means for the work, one way out. */
export function advise({ code, detail }: Trouble): Advice {
  const refused = code === 'invalid_option' ? badSetting(detail) : null;
  return refused ?? { ...(ADVICE[code] ?? UNKNOWN), detail: firstSentence(detail) };
}

/** What happened, without the way out that follows it: that one is for the command line, ours is the button. */
function firstSentence(text: string): string {
  return /^.*?[.!?](?= [A-Z])/s.exec(text)?.[0] ?? text;
}

/** The setting behind the option or variable that the sidecar refused; null where there is none. */
function badSetting(detail: string): Advice | null {
  const match = /^(--[\w-]+|[A-Z_]+)(?: \([^)]*\))?: (.*)$/s.exec(detail);
  const [, option = '', why = ''] = match ?? [];
  const name = SETTING_OF[option];
  if (name === undefined) return null;
  return {
    ...setting(name, OFF, 'Change setting'),
    detail: `the setting “${name}” cannot be used (${firstSentence(why).replace(/\.$/, '')}).`,
  };
}

const SETTING_OF: Readonly<Record<string, string>> = {
  '--upstream': 'upstream',
  '--data-dir': 'dataDir',
  '--port': 'port',
  DATABASE_URL: 'databaseUrl',
};

/** Whether trying again later can help without the user changing something first. */
export function curesItself(code: TroubleCode): boolean {
  return !NEEDS_USER.has(code);
}

/** The trouble in an error of any kind: a failure of ours or of the API has its own, the rest is told by its message. */
export function troubleOf(error: unknown, fallback: TroubleCode = 'spawn_failed'): Trouble {
  if (error instanceof NexusFailure) return error.trouble;
  if (error instanceof ProblemError) return { code: error.code, detail: error.detail };
  if (error instanceof Error && error.name === 'TimeoutError') {
    return { code: 'not_answering', detail: error.message };
  }
  return { code: fallback, detail: error instanceof Error ? error.message : String(error) };
}

/** The sidecar could not be started or reached, as this window sees it. */
export class NexusFailure extends Error {
  readonly trouble: Trouble;
  /** Of another version, and in the way. */
  readonly owner: OtherOwner | null;

  constructor(code: TroubleCode, detail: string, owner: OtherOwner | null = null) {
    super(detail);
    this.name = 'NexusFailure';
    this.trouble = { code, detail };
    this.owner = owner;
  }
}

const NEEDS_USER: ReadonlySet<TroubleCode> = new Set([
  'invalid_option',
  'database_newer',
  'newer_sidecar',
  'switched_off',
]);

type Kind = Omit<Advice, 'detail'>;

const setting = (name: string, sentence: string, button: string): Kind => ({
  sentence,
  button,
  command: 'workbench.action.openSettings',
  args: [`claudeNexus.${name}`],
});
const tryAgain = (sentence: string): Kind => ({
  sentence,
  button: 'Restart',
  command: 'claudeNexus.restartSidecar',
  args: [],
});
const log = (sentence: string): Kind => ({
  sentence,
  button: 'Show log',
  command: 'claudeNexus.showOutput',
  args: [],
});

/** Terminals lose the base URL with the sidecar, so only what was started before is affected. */
const OFF = 'Claude Nexus is off: {0} Claude in new terminals works as without it, and is not recorded.';

const UNKNOWN = log('Claude Nexus ran into a problem, so Claude may not be recorded for now. {0}');

const ADVICE: Partial<Record<TroubleCode, Kind>> = {
  port_in_use: setting('port', OFF, 'Change port'),
  data_dir_not_writable: setting('dataDir', OFF, 'Choose data folder'),
  data_dir_owned_elsewhere: setting('dataDir', OFF, 'Choose data folder'),
  other_version: tryAgain(OFF),
  database_newer: setting('databaseUrl', OFF, 'Choose database'),
  spawn_failed: log(OFF),
  database_unavailable: setting(
    'databaseUrl',
    'Claude Nexus: {0} Claude keeps working, and what it does is kept until the database is back.',
    'Check database',
  ),
  upstream_unreachable: setting('upstream', 'Claude’s request failed. {0}', 'Check upstream'),
  upstream_timeout: setting('upstream', 'Claude’s request failed. {0}', 'Check upstream'),
  start_timeout: tryAgain(
    'Claude Nexus took too long to start. Claude in new terminals works as without it, and is not recorded.',
  ),
  not_answering: tryAgain('Claude Nexus is running but does not answer, so Claude is not recorded for now.'),
  crashed: tryAgain('Claude Nexus stopped, and terminals that used it cannot reach Claude until it is back.'),
  newer_sidecar: {
    sentence:
      'Another editor runs a newer Claude Nexus than this one, so this window cannot show conversations.',
    button: 'Update',
    command: 'workbench.extensions.action.checkForUpdates',
    args: [],
  },
  switched_off: setting('enabled', 'Claude Nexus is switched off in the settings.', 'Open settings'),
};
