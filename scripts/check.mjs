import { bootstrap } from './bootstrap.mjs';
import { checks, run } from './stages.mjs';

// Types, lint, format, import rule, dead code, unit tests.
await bootstrap();
const total = run(checks);
if (total.broken.length > 0) console.log(`\nfailed: ${total.broken.join(', ')}`);
console.log(`\n${String(total.passed)} passed, ${String(total.failed)} failed`);
process.exit(total.failed === 0 ? 0 : 1);
