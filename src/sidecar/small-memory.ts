import { setFlagsFromString } from 'node:v8';

// Imported first, before any WebAssembly is compiled and before the recorder's thread exists: these are the whole
// process's. `--liftoff-only` by its parts: what it implies is worked out only from the command line. The embedded
// database as V8's baseline compiler makes it costs about 100 MB less than optimised (after 2,000 turns, Node 24).
for (const flag of [
  '--liftoff',
  '--no-wasm-tier-up',
  '--no-wasm-dynamic-tiering',
  '--max-semi-space-size=2',
]) {
  setFlagsFromString(flag);
}
