import type { SpawnCall } from './facts.ts';
import { blocksOf, member, stringOf } from './json.ts';
import { promptHash } from './read-request.ts';

const PROMPT_OF: Record<string, string> = { Task: 'prompt', Agent: 'prompt', Workflow: 'script' };

/** The call that starts a sub-agent, or null for any other block. */
export function spawnOf(block: unknown): SpawnCall | null {
  if (member(block, 'type') !== 'tool_use') return null;
  const name = stringOf(member(block, 'name')) ?? '';
  const toolUseId = stringOf(member(block, 'id'));
  if (toolUseId === null || !Object.hasOwn(PROMPT_OF, name)) return null;
  const input = member(block, 'input');
  const prompt = stringOf(member(input, PROMPT_OF[name]!));
  const hashed = prompt === null ? null : promptHash(prompt);
  if (prompt === null || hashed === null) return null;
  return { toolUseId, name, prompt, promptHash: hashed, agentType: stringOf(member(input, 'subagent_type')) };
}

/** All of a message's sub-agent calls, in order. */
export function spawnsOf(message: unknown): SpawnCall[] {
  return blocksOf(member(message, 'content'))
    .map(spawnOf)
    .filter((call) => call !== null);
}
