/** `node test/setup/claude-code.mjs`: installs the Claude Code that the tests run into the cache, and says where it is. */
import { CLAUDE_CODE_VERSION, installClaudeCode } from '../support/claude-code.ts';

console.log(`Claude Code ${CLAUDE_CODE_VERSION}: ${await installClaudeCode()}`);
