/**
 * How the sidecar's Node is started so that it stays small; for whoever starts one, and for one that was started
 * without. `--liftoff-only`: the embedded database as V8's baseline compiler makes it, 100 MB less than optimised.
 * `scripts/start.mjs` repeats both.
 */
export const RUNTIME_FLAGS: readonly string[] = ['--liftoff-only', '--max-semi-space-size=2'];

/**
 * glibc keeps what was freed for each of its arenas, up to 64 MB and more the larger the bodies that pass: 22 MB on
 * PostgreSQL and 48 on PGlite after 2,000 turns. With the limit it begins with written down, it stays there. Other
 * systems do not look at it.
 */
export const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = { MALLOC_TRIM_THRESHOLD_: '131072' };
