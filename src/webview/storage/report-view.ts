import { html, nothing, type TemplateResult } from 'lit';
import type { SidecarStatus } from '../../protocol/status.ts';
import type { StorageReport } from '../../protocol/storage.ts';
import { formatBytes, formatCount, formatDuration, formatExact, plural } from '../../wording/numbers.ts';
import { icon } from '../shared/icon.ts';
import { setStyle } from '../shared/set-style.ts';
import { everyDay, kindName, type Day } from './words.ts';

const DAYS = 30;
const NUMBER = 'num right';

/** The figures under the page's title: the whole in one line. */
export function summary(report: StorageReport, status: SidecarStatus): TemplateResult {
  const about = report.estimated ? 'about ' : '';
  const { engine, version } = status.database;
  const name = engine === 'pglite' ? 'Embedded PostgreSQL' : 'PostgreSQL';
  const facts = [
    html`<span title="${formatExact(report.totalBytes)} bytes"
      >${formatBytes(report.totalBytes)} ${status.storage === 'live' ? 'in memory' : 'on disk'}</span
    >`,
    html`<span title="${formatExact(report.exchanges)} requests"
      >${about}${plural(report.exchanges, 'request')}</span
    >`,
    ...(report.exchanges === 0
      ? []
      : [
          html`<span title="Everything stored, shared by the number of requests"
            >${formatBytes(report.bytesPerExchange)} per request</span
          >`,
        ]),
    html`<span>${name} ${version ?? ''}</span>`,
  ];
  return html`<p class="storage-summary num">
    ${facts.map((fact, index) => html`${index === 0 ? nothing : html`<span class="dim" aria-hidden="true"> · </span>`}${fact}`)}
  </p>`;
}

/** Everything below the header. `today`: `2026-11-23`, UTC. */
export function reportSections(report: StorageReport, today: string): TemplateResult {
  return html`
    ${kinds(report)} ${growth(everyDay(report.growthPerDay, today, DAYS))} ${tables(report)} ${search(report)}
    ${journal(report)} ${database(report)}
  `;
}

function kinds(report: StorageReport): TemplateResult {
  const all = report.byKind.reduce((sum, { bytes }) => sum + bytes, 0);
  const largestFirst = report.byKind.toSorted((a, b) => b.bytes - a.bytes);
  return section(
    'What takes the room',
    html`<table class="storage-table">
      <thead>
        <tr>
          <th scope="col">Kind</th>
          <th scope="col" class="wide"><span class="unseen">Share</span></th>
          <th scope="col" class="right">Size</th>
          <th scope="col" class="right">Pieces</th>
        </tr>
      </thead>
      <tbody>
        ${largestFirst.map(({ kind, bytes, rows }) => {
          const { name, why } = kindName(kind);
          return html`<tr>
            <th scope="row" title=${why}>${name}</th>
            <td class="wide">${bar(bytes, all)}</td>
            <td class=${NUMBER} title="${formatExact(bytes)} bytes">${formatBytes(bytes)}</td>
            <td class=${NUMBER} title=${formatExact(rows)}>${formatCount(rows)}</td>
          </tr>`;
        })}
      </tbody>
    </table>`,
  );
}

/** A bar as wide as its share; what is there at all can be seen. */
function bar(value: number, whole: number): TemplateResult {
  const share = whole === 0 ? 0 : (100 * value) / whole;
  return html`<span class="storage-bar" title="${share.toFixed(1)} %"
    ><span ${setStyle({ width: value === 0 ? '0' : `max(2px, ${share.toFixed(2)}%)` })}></span
  ></span>`;
}

function growth(days: Day[]): TemplateResult {
  const most = Math.max(...days.map(({ bytes }) => bytes));
  const sum = days.reduce((total, { bytes }) => total + bytes, 0);
  const label = `Stored per day, ${String(days.length)} days: ${formatBytes(sum)} in all, ${formatBytes(most)} at most`;
  return section(
    'Growth per day',
    html`<div class="storage-growth" role="img" aria-label=${label}>
        <div class="storage-days">
          ${days.map(
            ({ date, bytes }) =>
              html`<span class="storage-day" title="${date}: ${formatBytes(bytes)}"
                ><span
                  ${setStyle({ height: bytes === 0 ? '0' : `max(2px, ${((100 * bytes) / most).toFixed(1)}%)` })}
                ></span
              ></span>`,
          )}
        </div>
        <div class="storage-axis dim num">
          <span>${days[0]?.date}</span>
          <span>${most === 0 ? 'nothing stored' : `highest ${formatBytes(most)}`}</span>
          <span>${days.at(-1)?.date}</span>
        </div>
      </div>
      <details class="storage-more">
        <summary>As a table</summary>
        <table class="storage-table narrow">
          <thead>
            <tr>
              <th scope="col">Day (UTC)</th>
              <th scope="col" class="right">Stored</th>
            </tr>
          </thead>
          <tbody>
            ${days.toReversed().map(
              ({ date, bytes }) =>
                html`<tr>
                  <th scope="row" class="num">${date}</th>
                  <td class=${NUMBER} title="${formatExact(bytes)} bytes">${formatBytes(bytes)}</td>
                </tr>`,
            )}
          </tbody>
        </table>
      </details>`,
  );
}

function tables(report: StorageReport): TemplateResult {
  const rows = report.database.tables;
  const all = rows.reduce((sum, { bytes, indexBytes }) => sum + bytes + indexBytes, 0);
  return section(
    'Tables',
    html`<table class="storage-table">
      <thead>
        <tr>
          <th scope="col">Table</th>
          <th scope="col" class="wide"><span class="unseen">Share</span></th>
          <th scope="col" class="right">Data</th>
          <th scope="col" class="right">Indexes</th>
          <th scope="col" class="right">Rows</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (table) =>
            html`<tr>
              <th scope="row" class="mono">${table.name}</th>
              <td class="wide">${bar(table.bytes + table.indexBytes, all)}</td>
              <td class=${NUMBER} title="${formatExact(table.bytes)} bytes">${formatBytes(table.bytes)}</td>
              <td class=${NUMBER} title="${formatExact(table.indexBytes)} bytes">
                ${formatBytes(table.indexBytes)}
              </td>
              <td class=${NUMBER} title=${formatExact(table.rows)}>${formatCount(table.rows)}</td>
            </tr>`,
        )}
      </tbody>
    </table>`,
  );
}

function journal({ journal: { waiting, failed } }: StorageReport): TemplateResult {
  const size = (some: { files: number; bytes: number }): string =>
    some.files === 0 ? 'None' : `${plural(some.files, 'request')}, ${formatBytes(some.bytes)}`;
  return section(
    'Journal',
    html`<dl class="storage-facts num">
      <dt title="Written down, and not in the database yet">Waiting to be stored</dt>
      <dd>${size(waiting)}</dd>
      <dt title="Their journal files are kept in the folder journal/failed of the data folder">
        Could not be stored
      </dt>
      <dd>
        ${failed.files === 0 ? nothing : icon('warning', 'Warning', 'small state-warning')} ${size(failed)}
      </dd>
    </dl>`,
  );
}

function search({ search: { indexed, waiting } }: StorageReport): TemplateResult {
  return section(
    'Search index',
    html`<dl class="storage-facts num">
      <dt title="Turns of conversations that a search finds by their words">Indexed</dt>
      <dd>${plural(indexed, 'turn')}</dd>
      <dt title="Indexed while nothing else is to be done">Waiting to be indexed</dt>
      <dd>
        ${waiting === 0 ? 'None' : `${plural(waiting, 'turn')} (${share(indexed, indexed + waiting)} done)`}
      </dd>
    </dl>`,
  );
}

/** In whole percent; 100 only when it is all. */
const share = (part: number, whole: number): string => `${String(Math.floor((100 * part) / whole))} %`;

function database({ database: { connections, slowQueries } }: StorageReport): TemplateResult {
  return section(
    'Database',
    html`<dl class="storage-facts num">
        <dt>Connections</dt>
        <dd>${formatExact(connections)}</dd>
        <dt>Slow queries</dt>
        <dd>${slowQueries.length === 0 ? 'None' : formatExact(slowQueries.length)}</dd>
      </dl>
      ${
        slowQueries.length === 0
          ? nothing
          : html`<table class="storage-table">
              <thead>
                <tr>
                  <th scope="col" class="wide">Query</th>
                  <th scope="col" class="right">Longest</th>
                  <th scope="col" class="right">Mean</th>
                  <th scope="col" class="right">Calls</th>
                </tr>
              </thead>
              <tbody>
                ${slowQueries.map(
                  (query) =>
                    html`<tr>
                      <td class="mono wide ellipsis" title=${query.query}>${query.query}</td>
                      <td class=${NUMBER}>${formatDuration(query.maxMs)}</td>
                      <td class=${NUMBER}>${formatDuration(query.meanMs)}</td>
                      <td class=${NUMBER}>${formatCount(query.calls)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>`
      }`,
  );
}

function section(title: string, content: TemplateResult): TemplateResult {
  return html`<section class="storage-section">
    <h2>${title}</h2>
    ${content}
  </section>`;
}
