import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { RebuildBody, RebuildChange, RebuildState } from '../../protocol/rebuild.ts';
import { invalidOption, NexusError } from '../errors.ts';
import { configOf, parseCommand, type Command, type CommandContext } from './command.ts';
import { reachStore, type StoreAccess } from './reach-store.ts';

const POLL_MS = 150;
const TELL_MS = 2000;
/** As a shell says that a program ended by Ctrl+C. */
const CANCELLED = 130;
const LISTED = 20;

export const rebuildConversations: Command = {
  summary: 'link stored requests anew; a dry run unless --apply',
  help: `Usage: claude-nexus rebuild-conversations [--conversation-id <id> | --domain <domain>] [--apply]

Works out anew which conversation, branch and parent each stored request belongs to, as if all of them came now, one
after the other. Bodies, titles and pins stay as they are. Use it after an update whose notes say that linking has
become better. Without --apply it is tried on a copy, and says what would change.

While a sidecar uses the data directory, that one does it, and goes on forwarding and recording. Ctrl+C cancels; what
was changed by then stays, and running the command again finishes it.

  --conversation-id                  only the requests of this conversation
  --domain                           only what was sent to this domain
  --apply                            change what a dry run shows
  --data-dir        DATA_DIR         the sidecar's data directory
  --json                             the result as one JSON object on stdout
  --help                             this text

Exit code: 0 done, 1 could not be done, 2 not understood, 130 cancelled.
`,
  async run(args, context) {
    const { values } = parseCommand(args, {
      'conversation-id': { type: 'string' },
      domain: { type: 'string' },
      apply: { type: 'boolean', default: false },
      'data-dir': { type: 'string' },
      json: { type: 'boolean', default: false },
    });
    const { 'conversation-id': conversationId, domain, apply, json } = values;
    if (conversationId !== undefined && domain !== undefined) {
      throw invalidOption('--domain', 'either a conversation or a domain');
    }
    if (conversationId !== undefined && !z.guid().safeParse(conversationId).success) {
      throw invalidOption('--conversation-id', 'expected an id like those of `/api/conversations`');
    }
    if (domain === '') throw invalidOption('--domain', 'expected a host name, as team.example');
    const body: RebuildBody = {
      apply,
      ...(conversationId === undefined ? {} : { conversationId }),
      ...(domain === undefined ? {} : { domain: domain.toLowerCase() }),
    };
    const store = await reachStore(configOf(values, context), context);
    try {
      const state = await untilCancelled((signal) => watch(store, body, signal, json ? null : context));
      if (json) context.out(`${JSON.stringify(state)}\n`);
      else tell(state, context);
      if (state.state === 'failed') {
        throw new NexusError('internal', 500, 'The rebuild failed', failureOf(state));
      }
      return state.state === 'cancelled' ? CANCELLED : 0;
    } finally {
      await store.close();
    }
  },
};

/** Begins it and waits for its end; the signal cancels it. `teller`: who is told how far it is. */
async function watch(
  store: StoreAccess,
  body: RebuildBody,
  signal: AbortSignal,
  teller: Pick<CommandContext, 'err'> | null,
): Promise<RebuildState> {
  let state = await store.rebuild(body);
  teller?.err(`Linking stored requests anew${body.apply ? '' : ', as a try'}; Ctrl+C cancels.\n`);
  let told = performance.now();
  let asked = false;
  while (state.state === 'waiting' || state.state === 'running') {
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted && !asked) {
      asked = true;
      state = await store.cancelRebuild();
      continue;
    }
    if (asked) await sleep(POLL_MS);
    state = await store.rebuildState();
    if (teller === null || performance.now() - told < TELL_MS) continue;
    told = performance.now();
    teller.err(`${progressOf(state)}\n`);
  }
  return state;
}

/** Runs `work` with a signal that is raised by Ctrl+C, or by whoever ends this program. */
async function untilCancelled<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const cancelled = new AbortController();
  const cancel = (): void => {
    cancelled.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.on(name, cancel);
  try {
    return await work(cancelled.signal);
  } finally {
    for (const name of signals) process.off(name, cancel);
  }
}

function progressOf({ state, examined, total, changed }: RebuildState): string {
  if (state === 'waiting') return 'Waiting for other work on the store …';
  const of = total === null ? '' : ` of ${total.toLocaleString('en')}`;
  return `${examined.toLocaleString('en')}${of} requests looked at, ${changed.toLocaleString('en')} changed`;
}

function tell(state: RebuildState, { out, err }: Pick<CommandContext, 'out' | 'err'>): void {
  const { apply, changed, changes, conversations } = state;
  if (changed > 0) {
    for (const change of changes.slice(0, LISTED)) out(`${lineOf(change)}\n`);
    if (changed > LISTED) out(`… and ${(changed - LISTED).toLocaleString('en')} more\n`);
    const { opened, gone } = conversations;
    err(`Conversations: ${opened.toLocaleString('en')} new, ${gone.toLocaleString('en')} no more.\n`);
  }
  const looked = `${state.examined.toLocaleString('en')} requests looked at`;
  if (state.state === 'cancelled') {
    const left = apply ? ' What was changed by then stays; run it again to finish.' : '';
    err(`Cancelled: ${looked}, ${changed.toLocaleString('en')} changed.${left}\n`);
  } else if (state.state === 'done' && changed === 0) {
    err(`${looked}: there is nothing to change.\n`);
  } else if (state.state === 'done') {
    const what = apply ? 'changed' : 'would change. Nothing was written; --apply does it.';
    err(`${looked}, ${changed.toLocaleString('en')} ${what}\n`);
  }
}

function lineOf({ requestId, before, after }: RebuildChange): string {
  const parts = (
    [
      ['conversation', before.conversationId, after.conversationId],
      ['branch', before.branchId, after.branchId],
      ['parent', before.parentRequestId, after.parentRequestId],
      ['signal', before.signal, after.signal],
    ] as const
  )
    .filter(([, from, to]) => from !== to)
    .map(([name, from, to]) => `${name} ${from ?? 'none'} → ${to ?? 'none'}`);
  return `${requestId}  ${parts.join(', ')}`;
}

const failureOf = ({ error, apply, examined }: RebuildState): string =>
  `The rebuild ended early: ${error ?? 'it is not known why'} ${
    apply && examined > 0 ? 'What was changed by then stays; run it again to finish.' : 'Nothing was changed.'
  }`;
