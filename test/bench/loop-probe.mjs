import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

// Loaded into the sidecar by the benchmark (`node --import`): the delay of the main thread's event loop. SIGUSR2 starts
// anew or, the second time, writes what was seen to NEXUS_BENCH_LOOP, in ms. Nothing of it is in the product.
const RESOLUTION_MS = 1;
if (isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let running = false;
  process.on('SIGUSR2', () => {
    if (!running) {
      delay.reset();
      delay.enable();
    } else {
      delay.disable();
      // The histogram holds the time from tick to tick: what is over the resolution is delay.
      const over = (ns) => ns / 1e6 - RESOLUTION_MS;
      const seen = { p50: over(delay.percentile(50)), p99: over(delay.percentile(99)), max: over(delay.max) };
      writeFileSync(process.env.NEXUS_BENCH_LOOP, JSON.stringify(seen));
    }
    running = !running;
  });
}
