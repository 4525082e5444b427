/** Numbers as panels, side bar and status bar show them: short in place, exact in the tooltip. */

const exact = new Intl.NumberFormat('en-US');

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0+$/, '');
}

/** `950`, `12.4k`, `1.2M`: three significant places at most, without a unit. */
export function formatCount(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value < 1000) return String(Math.round(value));
  if (value < 99_950) return `${trimmed(value / 1000, 1)}k`;
  if (value < 999_500) return `${Math.round(value / 1000)}k`;
  if (value < 99_950_000) return `${trimmed(value / 1_000_000, 1)}M`;
  return `${Math.round(value / 1_000_000)}M`;
}

/** `12.4k tokens`. */
export function formatTokens(value: number): string {
  return `${formatCount(value)} ${value === 1 ? 'token' : 'tokens'}`;
}

/** `1,234,567`: the exact value for a tooltip. */
export function formatExact(value: number): string {
  return exact.format(value);
}

/** USD: `$0.42`, `$12.30`, `$0.0031`; a cost below a hundredth of a cent is `<$0.0001`. */
export function formatCost(value: number): string {
  if (value === 0) return '$0.00';
  if (value < 0.0001) return '<$0.0001';
  if (value < 0.01) return `$${value.toFixed(4)}`;
  if (value < 0.1) return `$${value.toFixed(3).replace(/0$/, '')}`;
  return `$${value.toFixed(2)}`;
}

/** Milliseconds as `850 ms`, `3.1 s`, `48 s`, `18 min`, `2h 14m`, `3d 4h`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 19.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours}h` : `${hours}h ${minutes % 60}m`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)}d` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** `212 B`, `4.1 KB`, `2.3 MB`, `1.2 GB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 999_950) return `${trimmed(bytes / 1000, 1)} KB`;
  return bytes < 999_950_000 ? `${trimmed(bytes / 1e6, 1)} MB` : `${trimmed(bytes / 1e9, 1)} GB`;
}

/** A share 0…1 as `94 %`; what is neither nothing nor all is never rounded to 0 or 100. */
export function formatShare(share: number): string {
  if (share <= 0) return '0 %';
  if (share >= 1) return `${Math.round(share * 100)} %`;
  return `${Math.min(99, Math.max(1, Math.round(share * 100)))} %`;
}

/** `1 branch`, `3 branches`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}
