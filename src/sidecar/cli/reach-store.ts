import type { Problem } from '../../protocol/problem.ts';
import { PROTOCOL_VERSION, type ReadyLine } from '../../protocol/status.ts';
import { rebuildState, type RebuildBody, type RebuildState } from '../../protocol/rebuild.ts';
import type { ServeConfig } from '../config.ts';
import { prepareDataDir, type DataDirLayout } from '../data-dir.ts';
import { NexusError, otherVersion, reason } from '../errors.ts';
import type { HeldLock } from '../lock.ts';
import { recorderOptions, recorderUrl } from '../recorder-options.ts';
import { startRecorder } from '../recorder/start.ts';
import { ownOrFind } from '../serve.ts';
import { loadState } from '../state.ts';
import { version } from '../version.ts';
import { logOf, type CommandContext } from './command.ts';

/** The store of a data directory, for a command: through the sidecar that owns it, or opened for the command's time. */
export interface StoreAccess {
  rebuild(body: RebuildBody): Promise<RebuildState>;
  rebuildState(): Promise<RebuildState>;
  cancelRebuild(): Promise<RebuildState>;
  close(): Promise<void>;
}

/**
 * Waits for an owner that is starting or ending. While the command itself owns the directory, a `serve` on it waits.
 *
 * @throws NexusError `other_version`, `data_dir_owned_elsewhere`, `data_dir_not_writable`.
 */
export async function reachStore(
  config: ServeConfig,
  context: Pick<CommandContext, 'err'>,
): Promise<StoreAccess> {
  const layout = prepareDataDir(config.dataDir);
  const found = await ownOrFind(layout);
  if ('ready' in found) return throughOwner(found.ready);
  if ('other' in found) {
    throw otherVersion(layout.root, found.other, { version, protocolVersion: PROTOCOL_VERSION });
  }
  return openStore(config, layout, found.held, context);
}

/** Its control API, on loopback. */
function throughOwner({ url, token }: ReadyLine): StoreAccess {
  const ask = async (method: string, body?: RebuildBody): Promise<RebuildState> => {
    let answer: Response;
    try {
      answer = await fetch(`${url}/api/rebuild`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new NexusError(
        'internal',
        503,
        'The sidecar does not answer',
        `The sidecar at ${url} has ended or does not answer (${reason(error)}). Run the command again.`,
        { cause: error },
      );
    }
    const said: unknown = await answer.json();
    if (answer.ok) return rebuildState.parse(said);
    const { code, status, title, detail } = said as Problem;
    throw new NexusError(code, status, title, detail);
  };
  return {
    rebuild: (body) => ask('POST', body),
    rebuildState: () => ask('GET'),
    cancelRebuild: () => ask('DELETE'),
    close: () => Promise.resolve(),
  };
}

/** The recorder without a proxy: it first records what an earlier sidecar has left in the journal. */
function openStore(
  config: ServeConfig,
  layout: DataDirLayout,
  lock: HeldLock,
  context: Pick<CommandContext, 'err'>,
): StoreAccess {
  const { token, pathKey, salt } = loadState(layout.state);
  const log = logOf(context);
  const options = recorderOptions(config, layout, {
    salt: config.salt ?? salt,
    secrets: [token, pathKey],
    live: null,
  });
  const recorder = startRecorder(
    // A command deletes nothing but what it says.
    { ...options, retention: { days: 0, bytes: 0 }, samplesDir: null },
    {
      onEvent: () => undefined,
      onStatus: () => undefined,
      onSalt: () => undefined,
      onReleased: () => undefined,
      onLog: (level, message, fields) => {
        log[level](message, fields);
      },
    },
    recorderUrl,
  );
  recorder.ready.catch(() => undefined); // Whoever asks for something is told.
  const parsed = async (answer: Promise<Uint8Array>): Promise<RebuildState> =>
    rebuildState.parse(JSON.parse(Buffer.from(await answer).toString()));
  return {
    rebuild: (body) => parsed(recorder.command('rebuild', body)),
    rebuildState: () => parsed(recorder.command('rebuildState')),
    cancelRebuild: () => parsed(recorder.command('cancelRebuild')),
    close: async () => {
      await recorder.close();
      lock.release();
    },
  };
}
