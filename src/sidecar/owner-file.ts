import { join } from 'node:path';
import { z } from 'zod';
import { PROTOCOL_VERSION, readyLine, type ReadyLine } from '../protocol/status.ts';
import { NexusError } from './errors.ts';
import { liveness, processIdentity } from './process-identity.ts';
import { readPrivateJson } from './private-file.ts';

/** The file in a data directory that says where its owner answers: its ready line, under the name of its lock. */
export const ownerFile = z.object({ nonce: z.string(), ready: readyLine });

const lockHolder = processIdentity.extend({ nonce: z.string() });

/**
 * Where the sidecar of a data directory answers, for a command that asks it something. Only a living process that holds
 * the lock is believed: at a dead one's port another program may listen, which must not get the token.
 *
 * @throws NexusError when none runs, or one of another protocol version.
 */
export function runningSidecar(dataDir: string): ReadyLine {
  const owner = readPrivateJson(join(dataDir, 'owner.json'), ownerFile);
  const holder = readPrivateJson(join(dataDir, 'sidecar.lock'), lockHolder);
  if (owner === null || holder?.nonce !== owner.nonce || liveness(holder) === 'dead') {
    throw new NexusError(
      'shutting_down',
      503,
      'No sidecar is running',
      `No Claude Nexus of this version runs with ${dataDir}. Open VS Code or start \`claude-nexus serve\`; with another directory, name it by --data-dir.`,
    );
  }
  if (owner.ready.protocolVersion !== PROTOCOL_VERSION) {
    throw new NexusError(
      'other_version',
      500,
      'Another version is running',
      `The Claude Nexus that runs with ${dataDir} is version ${owner.ready.version}. Use the command of that version.`,
    );
  }
  return owner.ready;
}
